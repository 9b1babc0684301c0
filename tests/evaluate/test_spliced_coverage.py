"""95 % intervals of spliced losses hold the population's value in 90 to 99 of 100 data sets."""

from functools import cache

import numpy as np
import pytest
from evaluating import make_world

from xc.evaluate.bootstrap import intervals
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.sequence_sums import SEQUENCE, TABLE
from xc.evaluate.spliced_metrics import FEATURES, SPLICED

N, SEQUENCES = 500, 3
"""Data sets; sequences of a document."""
FACTS = Facts(make_world(1, 4, widths=(5, 5)).decoder)


def draw(documents: int, rng: np.random.Generator) -> tuple[Sums, np.ndarray]:
    """Losses of sequences of unequal length, alike within a document, and each one's document."""
    of = np.repeat(np.arange(documents), SEQUENCES)
    predicted = np.maximum(rng.poisson(60.0 * rng.gamma(4.0, 0.25, documents)[of]), 1)[:, None]
    hard, far = (rng.gamma(16.0, 1 / 16, (documents, 2))[of] for _ in range(2))
    clean = 2.5 * hard * predicted
    lost, zeroed = (rng.gamma(9.0, 1 / 9, (len(of), 2)) for _ in range(2))
    spliced = clean + 0.3 * hard * lost * predicted
    zero = clean + 7 * far * zeroed * predicted
    replaced = rng.binomial(predicted + 1, 0.9, (len(of), 2))
    both = np.ones((1, 2))
    columns = {
        "predicted": predicted * both, "clean": clean, "spliced": spliced, "zero": zero,
        "positions": (predicted + 1) * both, "replaced": replaced,
    }  # fmt: skip
    table = np.stack([columns[name] for name in FEATURES], axis=-1).reshape(len(of), -1)
    return {SEQUENCE: np.arange(len(of)), TABLE: table}, of


@cache
def settled() -> dict[str, np.ndarray]:
    sums, _ = draw(200_000, np.random.default_rng(1))
    return {metric.name: metric.finish(sums, FACTS) for metric in SPLICED}


@cache
def measured(documents: int) -> list[dict[str, np.ndarray | None]]:
    """The intervals of all of them, by name, of each data set."""
    found = []
    for i in range(N):
        sums, clusters = draw(documents, np.random.default_rng([3, documents, i]))
        same = {metric.name: sums for metric in SPLICED}
        found.append(intervals(SPLICED, same, FACTS, resamples=300, clusters=clusters))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("documents", [25, 150])
@pytest.mark.parametrize("metric", SPLICED, ids=lambda m: m.name)
def test_the_population_is_held(metric: Metric, documents: int) -> None:
    value, inside = settled()[metric.name], []
    for found in measured(documents):
        both = found[metric.name]
        assert both is not None
        inside.append((both[0] <= value) & (value <= both[1]))
    held = np.mean(inside, axis=0)
    assert ((held >= 0.90) & (held <= 0.99)).all(), held
