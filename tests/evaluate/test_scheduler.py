"""Schedulers: the same bytes everywhere; progress is told of rows."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster
from dying_metrics import dying_metrics
from measured import one_group

import xc.evaluate as evaluate_room
from xc.evaluate import cluster, run
from xc.evaluate.blocks import cut_all
from xc.evaluate.graph import Stage, group_totals
from xc.evaluate.measuring import stages_of
from xc.evaluate.metrics import l0
from xc.evaluate.reader import Reader
from xc.evaluate.scheduler import compute
from xc.evaluate.spliced_metrics import SPLICED
from xc.evaluate.task_graph import Carried
from xc.store_schema import RequestError, RunLayout, Silent


class Recorded(Silent):
    """Remembers notes, and what it is told of rows."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []
        self.notes: list[str] = []
        self._unit = ""

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self._unit = unit
        if unit == "rows":
            self.events.append((unit, total))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, amount: int, **figures: float) -> None:
        if self._unit == "rows":
            self.events.append(("advance", amount))


def bytes_of(run: RunLayout) -> dict[str, bytes]:
    """Of all files with numbers."""
    tables = (run.latents_parquet, run.examples, run.twins, run.nu_curves)
    return {path.name: path.read_bytes() for path in (run.summary, *tables)}


LANES = {"block_rows": 16, "tile_rows": 16}
"""Settings that give lanes of several blocks."""


@pytest.fixture(scope="module")
def case(own_case: Any) -> Any:
    """Not the one that all files share: it is evaluated anew, with other settings."""
    return own_case


@pytest.fixture(scope="module")
def evaluation(case: Any) -> Any:
    return case.evaluate()


@pytest.fixture(scope="module")
def expected(case: Any, evaluation: Any) -> dict[str, bytes]:
    """One task at a time; the numbers are those of one block per lane."""
    before = evaluation.summary
    assert min(map(len, stages_of(cut_all(case.store.blocks("heldout"), 16)))) > 2
    found = again(case, "sync")
    for path in (case.run.examples, case.run.twins, case.run.nu_curves):
        assert pq.read_metadata(path).num_rows > 0
    after = evaluation.summary
    assert after.keys() == before.keys()
    for key, value in before.items():
        if isinstance(value, float):
            assert after[key] == pytest.approx(value, rel=1e-9, abs=1e-12), key
    return found


def again(case: Any, name: str, progress: Recorded | None = None) -> dict[str, bytes]:
    case.run.summary.unlink()
    shutil.rmtree(case.run.passes)  # else no row would be read
    case.evaluate(progress=progress or Silent(), scheduler=name, **LANES)
    return bytes_of(case.run)


@pytest.mark.parametrize("name", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_every_scheduler_gives_the_same_bytes(
    case: Any, expected: dict[str, bytes], name: str
) -> None:
    assert again(case, name) == expected


@contextmanager
def workers(n: int) -> Iterator[LocalCluster]:
    """A cluster of processes on this machine, which are started again when they die."""
    with LocalCluster(
        n_workers=n, threads_per_worker=1, processes=True, protocol="tcp", dashboard_address=":0"
    ) as running:
        yield running


@pytest.mark.slow
def test_a_worker_that_is_killed_changes_no_byte(
    case: Any, expected: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (start, stop), *_ = case.store.splits["heldout"]
    marker, progress = tmp_path / "died", Recorded()
    table = dying_metrics(12, marker)
    with workers(2) as running:
        pids = {nanny.pid for nanny in running.workers.values()}
        assert again(case, running.scheduler_address) == expected
        with monkeypatch.context() as patched:
            patched.setattr(run, "_TABLE", (*table, *SPLICED))
            found = again(case, running.scheduler_address, progress=progress)
    assert found == expected
    assert int(marker.read_text()) in pids
    assert_told_by_blocks(progress, stop - start)


@pytest.mark.slow
def test_a_worker_that_retires_in_mid_run_changes_no_byte(
    case: Any, expected: dict[str, bytes]
) -> None:
    class Retiring(Recorded):
        def advance(self, amount: int, **figures: float) -> None:
            if not any(unit == "advance" for unit, _ in self.events):
                with Client(running.scheduler_address, set_as_default=False) as client:
                    client.retire_workers([next(iter(running.scheduler.workers))])
            super().advance(amount, **figures)

    with workers(2) as running:
        assert again(case, running.scheduler_address, progress=Retiring()) == expected


def assert_told_by_blocks(progress: Recorded, rows: int) -> None:
    """Of a pass, the examples and the twins: every block once, whatever ran twice."""
    totals = [amount for unit, amount in progress.events if unit == "rows"]
    assert totals == [rows, rows, rows]
    assert sum(amount for unit, amount in progress.events if unit == "advance") == 3 * rows
    assert sum("dashboard" in text for text in progress.notes) == 1


def test_an_address_that_refuses_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cluster, "Client")  # which would go on trying
    with pytest.raises(RequestError, match=r"answers at tcp://127.0.0.1:9 \(.*[Rr]efused"):
        compute(None, scheduler="tcp://127.0.0.1:9", progress=Silent(), title="x", rows=1)


def test_a_missing_client_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(evaluate_room, "cluster")
    monkeypatch.delitem(sys.modules, "xc.evaluate.cluster")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RequestError, match="needs the package distributed"):
        compute(None, scheduler="tcp://127.0.0.1:9", progress=Silent(), title="x", rows=1)


def test_progress_counts_rows(case: Any) -> None:
    progress = Recorded()
    reader = Reader(case.store.path, case.run.root, 64)
    blocks = ((3840, 3900), (3900, 4000))
    stage = Stage([l0.METRIC], frozenset(), blocks, Carried.take)
    graph = group_totals(reader, one_group(case.store), [stage])
    compute(graph, scheduler="sync", progress=progress, title="t", rows=160)
    assert progress.events[0] == ("rows", 160)
    assert sorted(progress.events[1:]) == [("advance", 60), ("advance", 100)]
