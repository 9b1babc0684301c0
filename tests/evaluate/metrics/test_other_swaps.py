"""Metrics that do not simply stay or turn round when the sources do: what they become then.

It follows from other values of the sources as they stood, and is what the oracle finds.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from evaluating import ORACLES, Dense, assert_same
from law_worlds import MOVED, WORLDS, cases, facts_of, variant
from scipy.stats import pearsonr, spearmanr

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Swap
from xc.evaluate.metrics import METRICS
from xc.evaluate.populations import FEWEST

OTHERWISE = [m for m in METRICS if m.swap is Swap.OTHER]
ids = {"ids": lambda value: value.name if isinstance(value, Metric) else str(value)}


def literal(facts: Facts) -> np.ndarray:
    """The other one of the two terms of an entropy: what is missing to the whole."""
    values = facts.values
    weight = values["mean_activation"] @ ~np.isnan(values["rel_norm"])
    whole = np.nan_to_num(values["sharedness"]) * weight
    turned: np.ndarray = (whole - values["sharedness_literal"])[::-1]
    return turned


def last(facts: Facts, share: float) -> np.ndarray:
    """The last source whose norm per dimension reaches a share of the largest, from the end."""
    norms = facts.values["norm"] / np.sqrt(facts.decoder.widths)
    largest = norms.max(axis=1, keepdims=True)
    reached = norms[:, ::-1] >= share * largest * (1 - 1e-9)
    return np.where(largest[:, 0] > 0, reached.argmax(axis=1), np.nan)


def counted(facts: Facts, share: float) -> np.ndarray:
    """How many latents that fire have each as their last source, from the end."""
    found = last(facts, share)[facts.values["frequency"] > 0]
    return (found[:, None] == np.arange(facts.decoder.n_sources)).sum(axis=0)


def along_the_first(facts: Facts, nu: str, kind: str) -> np.ndarray:
    """The correlation of the shared latents, with ν along the first source's direction."""
    found = []
    for pair in range(len(facts.pairs)):
        own, frequency = facts.values[nu][:, pair, 1], facts.values["frequency"]
        shared = (facts.values["class"][:, pair] == "shared") & np.isfinite(own)
        known = own[shared], frequency[shared]
        scipys = {"spearman": spearmanr, "pearson": pearsonr}[kind]
        found.append(scipys(*known).statistic if shared.sum() >= FEWEST else np.nan)
    return np.array(found)[::-1]


TURNED: dict[str, Callable[[Facts], np.ndarray]] = {
    "sharedness_literal": literal,
    "peak_source": partial(last, share=1.0),
    "n_peak": partial(counted, share=1.0),
    **{f"birth_source_{n}": partial(last, share=n / 100) for n in (10, 50)},
    **{f"n_birth_{n}": partial(counted, share=n / 100) for n in (10, 50)},
    **{
        f"{nu}_frequency_{kind}_shared": partial(along_the_first, nu=nu, kind=kind)
        for nu in ("nu_error", "nu_reconstruction")
        for kind in ("spearman", "pearson")
    },
}


def test_each_is_tried() -> None:
    assert set(TURNED) == {m.name for m in OTHERWISE}


@pytest.mark.parametrize(("metric", "name"), cases(OTHERWISE, MOVED), **ids)
def test_after_swapping_it_follows_from_the_values_before(metric: Metric, name: str) -> None:
    found = variant(name, "swapped").values[metric.name]
    assert_same(found, TURNED[metric.name](facts_of(name)))


@pytest.mark.parametrize(("metric", "name"), cases(OTHERWISE, MOVED), **ids)
def test_after_swapping_it_equals_the_dense_oracle(metric: Metric, name: str) -> None:
    found = variant(name, "swapped").values[metric.name]
    assert_same(found, ORACLES[metric.name](Dense(WORLDS[name].swapped())))


@pytest.mark.parametrize("simple", [lambda v: v, lambda v: v[::-1]], ids=["stays", "turns"])
@pytest.mark.parametrize("metric", OTHERWISE, **ids)
def test_it_does_not_just_stay_or_turn_round(
    metric: Metric, simple: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Else it would have a simple relation, or the worlds could not tell."""
    pairs = [
        (variant(name, "swapped").values[metric.name], simple(facts_of(name).values[metric.name]))
        for _, name in cases([metric], MOVED)
    ]
    assert not all(np.allclose(p, q, rtol=1e-3, atol=1e-3, equal_nan=True) for p, q in pairs)
