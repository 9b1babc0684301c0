"""The graph of the metrics: building it reads nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xc.evaluate.blocks import cut_all
from xc.evaluate.clusters import row_groups
from xc.evaluate.examples.collect import example_sketch
from xc.evaluate.graph import Stage, group_totals
from xc.evaluate.metric import Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.reader import Reader
from xc.evaluate.twins.divergence import divergence_counts, question
from xc.store_schema import ActivationStore, LatentTable

READING = tuple(m for m in METRICS if m.reads is not Pass.NONE)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts what is opened."""
    calls: list[str] = []

    def note(name: str) -> Any:
        def fail(*args: Any, **kwargs: Any) -> None:
            calls.append(name)
            raise AssertionError(name)

        return fail

    monkeypatch.setattr(ActivationStore, "open", note("store"))
    monkeypatch.setattr(LatentTable, "open", note("table"))
    return calls


def test_building_computes_nothing(opened: list[str]) -> None:
    reader = Reader(Path("no/store"), Path("no/run"), 64)
    blocks = cut_all([(0, 10_000)], 256)
    none: frozenset[str] = frozenset()
    stages = [Stage(READING, none, part, print) for part in (blocks[:3], blocks[3:])]
    groups = row_groups(np.ones(9, int), np.arange(9), 4)
    group_totals(reader, groups, stages)
    example_sketch(reader, [1, 2], [(0, 10_000)], blocks=blocks, k=3)
    pair = question(np.array([0]), np.array([1]), np.ones(2), np.ones(2))
    divergence_counts(reader, pair, groups, blocks)
    assert opened == []
