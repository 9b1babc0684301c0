"""Schedulers: the same bytes everywhere; progress is told of rows."""

from typing import Any

import pytest
from distributed import LocalCluster

from xc.evaluate import cluster
from xc.evaluate.graph import metric_totals
from xc.evaluate.metrics import l0
from xc.evaluate.reader import Reader
from xc.evaluate.scheduler import compute
from xc.store_schema import RequestError, RunLayout, Silent


class Recorded(Silent):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.events.append((unit, total))

    def advance(self, amount: int, **figures: float) -> None:
        self.events.append(("advance", amount))


def bytes_of(run: RunLayout) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (run.summary, run.latents_parquet, run.examples)}


@pytest.fixture(scope="module")
def expected(case: Any, evaluation: Any) -> dict[str, bytes]:
    return bytes_of(case.run)


def again(case: Any, name: str) -> dict[str, bytes]:
    case.run.summary.unlink()
    case.evaluate(scheduler=name)
    return bytes_of(case.run)


@pytest.mark.parametrize("name", ["sync", "threads", "processes"])
def test_every_scheduler_gives_the_same_bytes(
    case: Any, expected: dict[str, bytes], name: str
) -> None:
    assert again(case, name) == expected


def test_so_does_a_cluster(case: Any, expected: dict[str, bytes]) -> None:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        assert again(case, cluster.scheduler_address) == expected


def test_a_cluster_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    with pytest.raises(RequestError, match="no Dask scheduler answers"):
        compute(None, scheduler="tcp://127.0.0.1:9", progress=Silent(), title="x", rows=1)


def test_progress_counts_rows(case: Any) -> None:
    progress = Recorded()
    reader = Reader(case.store.path, case.run.root, 64)
    blocks = ((3840, 3900), (3900, 4000))
    graph = metric_totals(reader, [l0.METRIC], blocks)
    compute(graph, scheduler="sync", progress=progress, title="t", rows=160)
    assert progress.events[0] == ("rows", 160)
    assert sorted(progress.events[1:]) == [("advance", 60), ("advance", 100)]
