"""Planted directions are found, nothing is found where nothing is, and A and B are alike."""

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from xc.evaluate.nulls.planted import KINDS

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "recovery.py"
STEPS = 500


@pytest.fixture(scope="module")
def script() -> Iterator[SimpleNamespace]:
    """The benchmark's functions; one thread, as small tensors gain nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield SimpleNamespace(**runpy.run_path(str(SCRIPT)))
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def small(script: SimpleNamespace) -> Any:
    """A few directions of each kind, in sources of unequal width."""
    return replace(script.WORLDS["unequal"], widths=(24, 20), numbers=(12, 5, 5), rows=16_384)


@pytest.fixture(scope="module")
def planted(
    script: SimpleNamespace, small: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Any]:
    return script.plant(small, tmp_path_factory.mktemp("planted") / "acts.zarr", seed=0)


def found(script: SimpleNamespace, name: str, planted: tuple[Any, Any], folder: Path) -> Any:
    truth, store = planted
    settings = {**script.ARCHITECTURES[name], "d_sae": 32, "k": 1, "exclusive": ()}
    if name == "dfc":
        settings["exclusive"] = (0.25, 0.25)
    done = script.train_and_measure(settings, store, folder / "run", steps=STEPS)
    return script.assess(*done, truth)


@pytest.mark.parametrize("name", ["batch_topk", "l1"])
def test_planted_directions_are_found(
    script: SimpleNamespace, planted: tuple[Any, Any], tmp_path: Path, name: str
) -> None:
    of = found(script, name, planted, tmp_path)
    assert of.fve > 0.8
    assert of.recall["shared"] >= 0.75
    assert of.recall["a_only"] >= 0.6
    assert of.recall["b_only"] >= 0.6
    assert of.false["a_only"] + of.false["b_only"] <= 5


def test_of_a_source_alone_its_own_directions_are_found(
    script: SimpleNamespace, planted: tuple[Any, Any], tmp_path: Path
) -> None:
    of = found(script, "SAE on A", planted, tmp_path)
    assert of.recall["shared"] >= 0.75
    assert of.recall["a_only"] >= 0.6
    assert of.recall["b_only"] is None
    assert of.false == dict.fromkeys(KINDS)


def test_where_nothing_is_exclusive_nothing_is_found(
    script: SimpleNamespace, small: Any, tmp_path: Path
) -> None:
    made = script.plant(small.null, tmp_path / "acts.zarr", seed=0)
    of = found(script, "batch_topk", made, tmp_path / "batch_topk")
    assert of.recall["a_only"] is None
    assert of.false["a_only"] + of.false["b_only"] <= 1
    forced = found(script, "dfc", made, tmp_path / "dfc")
    assert forced.false["a_only"] >= 2  # latents that may write to one source only, do
    assert forced.false["b_only"] >= 2


def test_swapping_the_models_swaps_the_results(
    script: SimpleNamespace, small: Any, tmp_path: Path
) -> None:
    """With equal starts the two runs differ by the order of sums alone."""
    world = replace(small, widths=(20, 20), same=True, numbers=(10, 6, 3))
    truth, store = script.plant(world, tmp_path / "acts.zarr", seed=1)
    results = []
    for order in ((script.A, script.B), (script.B, script.A)):
        settings = {"sources": order, "k": 1, "d_sae": 32, "init_same": True}
        folder = tmp_path / str(len(results))
        done = script.train_and_measure(settings, store, folder, steps=STEPS)
        results.append(script.assess(*done, truth))
        names = {"a_only": "b_only", "b_only": "a_only", "shared": "shared"}
        truth = replace(truth, kind=np.array([names[kind] for kind in truth.kind]))
    there, back = results
    assert there.fve == pytest.approx(back.fve, abs=0.02)
    for name, partner in (("shared", "shared"), ("a_only", "b_only"), ("b_only", "a_only")):
        assert there.recall[name] == pytest.approx(back.recall[partner], abs=0.34)
        assert abs(there.false[name] - back.false[partner]) <= 2
