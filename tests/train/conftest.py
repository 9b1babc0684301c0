"""Fixtures of the trainer's tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import planted
import pytest
import torch
from training import make_crosscoder, mask_rows

from xc.store_schema import ActivationStore, RunLayout
from xc.train import Crosscoder


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors gain nothing from threads, and lose much where the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def crosscoder() -> Crosscoder:
    return make_crosscoder()


@pytest.fixture(scope="session")
def _two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    truth = planted.make_truth(60 * 32, widths=(16, 12))
    path = tmp_path_factory.mktemp("two") / "two.zarr"
    made = planted.write_store(path, truth, planted.make_plan())
    mask_rows(made, np.arange(made.n_rows) % 7 != 0)
    return path


@pytest.fixture
def store(_two: Path, tmp_path: Path) -> ActivationStore:
    """1,920 rows of sources 16 and 12 wide; every 7th row is masked."""
    return ActivationStore.open(shutil.copytree(_two, tmp_path / "two.zarr"))


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "run")
