"""The graphs that Dask computes, and which rows their tasks read."""

from collections.abc import Iterable
from typing import Any

import dask
import pytest

from xc.evaluate.blocks import Range
from xc.evaluate.task_graph import rows_of


def noted_graphs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Names of the tasks of every graph that is computed from here on."""
    plain, seen = dask.compute, []

    def noted(graph: Any, **how: Any) -> Any:
        seen.append(list(graph.__dask_graph__()))
        return plain(graph, **how)

    monkeypatch.setattr(dask, "compute", noted)
    return seen


def blocks_of(names: Iterable[str]) -> list[Range]:
    """Rows of the tasks that read any."""
    ends = (name.split("-")[-2:] for name in names if rows_of(name))
    return sorted((int(a), int(b)) for a, b in ends)


def measures(names: Iterable[str]) -> bool:
    """Whether a graph is that of the metrics: only it has stages."""
    return any(name.startswith("stage-") for name in names)
