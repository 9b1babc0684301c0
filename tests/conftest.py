"""Fixtures that every room's tests may use."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import planted
import pytest

from xc.store_schema import ActivationStore, RunLayout

# Before torch is imported: idle threads that spin slow every test on a shared machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_configure(config: pytest.Config) -> None:
    """Workers get a core each: more threads would only get in the way. Told before they start, for
    plugins import NumPy, whose BLAS counts its threads then."""
    if getattr(config.option, "numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish() -> None:
    """Thousands of collected tests are no garbage: code that collects it does not look at them."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """Libraries that count what is left at the end tell of leaks otherwise."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _no_flushing() -> Iterator[None]:
    """No test turns the power off, and a disk takes milliseconds to flush each of many files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def truth() -> planted.Truth:
    return planted.make_truth(60 * 32)


@pytest.fixture(scope="session")
def _planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "planted.zarr"
    planted.write_store(path, planted.make_truth(60 * 32), planted.make_plan())
    return path


@pytest.fixture
def planted_store(_planted: Path, tmp_path: Path) -> ActivationStore:
    """1,920 rows of two 16-wide sources with known directions; 384 rows held out."""
    return ActivationStore.open(shutil.copytree(_planted, tmp_path / "planted.zarr"))


@pytest.fixture(scope="session")
def _planted_run(tmp_path_factory: pytest.TempPathFactory, _planted: Path) -> Path:
    store, path = ActivationStore.open(_planted), tmp_path_factory.mktemp("planted") / "run"
    planted.write_run(path, planted.true_crosscoder(planted.make_truth(60 * 32), store), store)
    return path


@pytest.fixture
def planted_run(_planted_run: Path, tmp_path: Path) -> RunLayout:
    """The crosscoder whose decoder is the truth, with its latent table."""
    return RunLayout(shutil.copytree(_planted_run, tmp_path / "run"))
