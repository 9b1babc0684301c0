"""Dictionaries as written down: the evaluator says of them what follows by hand."""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "artefacts.py"
ROWS = 16_384


@pytest.fixture(scope="module")
def script() -> Iterator[SimpleNamespace]:
    """Its functions, with few rows and nothing trained."""
    paths, modules = list(sys.path), set(sys.modules)
    names = runpy.run_path(str(SCRIPT))
    inside = names["measure"].__globals__
    inside["ROWS"] = ROWS
    inside["TRAINED"].clear()
    yield SimpleNamespace(**names)
    sys.path[:] = paths
    if "dictionary_runs" not in modules:
        del sys.modules["dictionary_runs"]


@pytest.fixture(scope="module")
def shrinkage(script: SimpleNamespace) -> dict[str, Any]:
    return script.measure(script.shrinkage(), 0)


@pytest.fixture(scope="module")
def decoupling(script: SimpleNamespace) -> dict[str, Any]:
    return script.measure(script.decoupling(), 0)


def test_the_truth_is_read_as_it_is(shrinkage: dict[str, Any], decoupling: dict[str, Any]) -> None:
    for of, counts in ((shrinkage, (32, 8, 8, 32)), (decoupling, (24, 24, 24, 0))):
        truth = of["truth"]
        assert tuple(truth[f"n_{k}"] for k in ("shared", "a_only", "b_only", "other")) == counts
        assert set(truth["found"].values()) == {1.0}
        assert truth["exclusive_true"] == truth["exclusive_by_nu"] == truth["exclusive"]
        assert truth["nu_error_exclusive"] == pytest.approx(0.0, abs=0.02)
        assert truth["fve_a"] > 0.98
    assert decoupling["truth"]["sharedness"] == pytest.approx(0.5, abs=0.02)
    assert decoupling["truth"]["sharedness_v"] == pytest.approx(2 / 3, abs=0.02)


def test_shrinkage_lowers_the_objective_and_shows_in_the_error(shrinkage: dict[str, Any]) -> None:
    truth, artefact = shrinkage["truth"], shrinkage["artefact"]
    assert artefact["l1_objective"] < truth["l1_objective"] - 3
    assert artefact["l0"] == truth["l0"]
    assert (artefact["exclusive"], artefact["exclusive_true"]) == (48, 16)
    assert artefact["exclusive_by_nu"] == pytest.approx(16, abs=2)
    assert artefact["nu_error_exclusive"] == pytest.approx(0.3, abs=0.03)
    assert artefact["elsewhere_exclusive"] == pytest.approx(0.3, abs=0.03)
    assert artefact["nu_reconstruction_exclusive"] == pytest.approx(0.0, abs=0.15)


def test_the_shrunk_norms_are_the_best_for_these_codes(script: SimpleNamespace) -> None:
    """Each latent alone: no other length of its decoder row has a smaller objective."""
    truth = script.shrinkage().truth
    best = script.shrunk(truth, (1.0, 1.0))
    f = truth.codes
    for j in (0, 40, 60):
        for m in (0, 1):
            held, found = (np.linalg.norm(d.W[m][j]) for d in (truth, best))
            lengths = np.linspace(0, 1.5, 301)
            gain = (f[:, j] ** 2).sum() * (held - lengths) ** 2
            objective = gain + script.L1_COEFF * f[:, j].sum() * lengths
            assert found == pytest.approx(lengths[objective.argmin()], abs=0.005)


def test_decoupling_costs_nothing_and_shows_in_the_reconstruction(
    decoupling: dict[str, Any],
) -> None:
    truth, artefact = decoupling["truth"], decoupling["artefact"]
    assert artefact["l1_objective"] == pytest.approx(truth["l1_objective"], abs=2e-3)
    assert artefact["penalty"] == pytest.approx(truth["penalty"], abs=2e-3)
    assert artefact["fve_a"] == pytest.approx(truth["fve_a"], abs=1e-3)
    assert artefact["l0"] == pytest.approx(1.5 * truth["l0"], rel=0.01)
    assert (artefact["n_shared"], artefact["sharedness"]) == (0, 0.0)
    assert (artefact["exclusive"], artefact["exclusive_true"]) == (48, 0)
    assert artefact["elsewhere_exclusive"] == pytest.approx(2 / 3, abs=0.03)
    assert artefact["nu_reconstruction_exclusive"] == pytest.approx(2 / 3, abs=0.05)
    assert artefact["nu_error_exclusive"] == pytest.approx(0.0, abs=0.02)
