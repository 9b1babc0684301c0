"""Where a Dask graph runs: this process, its threads, other processes, or a cluster."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import dask
from dask.callbacks import Callback
from threadpoolctl import threadpool_limits

from xc.evaluate.allocator import return_large_arrays
from xc.evaluate.blocks import Range
from xc.evaluate.pool_worker import begin
from xc.evaluate.reader import Reader
from xc.evaluate.task_graph import rows_of
from xc.store_schema import Progress, RequestError, suggestion

LOCAL = ("threads", "processes", "sync")
CLUSTER = "tcp://"
_OF_DASK = {"optimization.fuse.delayed": False, "multiprocessing.initializer": begin}
"""A task of the graph is a task that is told of; and worker processes are told how to begin."""
_ADDRESS = re.compile(r"tcp://([^\s/:\[\]]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")
"""A host's name or number (one of IPv6 in brackets), and a port."""


def check_scheduler(name: str) -> None:
    """Refuse what is neither a local scheduler nor an address.

    Raises:
        RequestError: naming the known ones, or the form of an address.
    """
    if name.startswith(CLUSTER) and not _ADDRESS.fullmatch(name):
        raise RequestError(
            f"scheduler: expected tcp://HOST:PORT (as tcp://127.0.0.1:8786), got '{name}'"
        )
    if name not in LOCAL and not name.startswith(CLUSTER):
        raise RequestError(
            f"unknown scheduler '{name}'{suggestion(name, [*LOCAL, 'tcp://HOST:PORT'])}"
        )


def compute(graph: Any, *, scheduler: str, progress: Progress, title: str, rows: int) -> Any:
    """Run a graph and return its value, the same bits whatever the scheduler.

    Args:
        graph: a delayed value of `task_graph`.
        scheduler: threads, processes, sync, or the address of a cluster.
        progress: told of the rows of every finished block.
        title: what it is told is going on.
        rows: rows of all blocks.

    Raises:
        RequestError: if a cluster does not answer, or its client is not installed.
    """
    return_large_arrays()
    progress.start(title, rows, "rows")
    try:
        if scheduler.startswith(CLUSTER):
            return _cluster().on_cluster(graph, scheduler, progress)
        with _Ticks(progress.advance), _one_task_a_core():
            # processes would be sent six tasks at a time, and so many lanes be under way
            return dask.compute(graph, scheduler=scheduler, chunksize=1)[0]
    finally:
        progress.finish()


def announce(scheduler: str, progress: Progress) -> None:
    """Say once, before all passes, where the tasks of a cluster can be watched.

    Raises:
        RequestError: if it does not answer, or its client is not installed.
    """
    if scheduler.startswith(CLUSTER):
        progress.note(f"dashboard: {_cluster().dashboard(scheduler)}")


@contextmanager
def _one_task_a_core() -> Iterator[None]:
    """Tasks have a core each: threads of BLAS would get in one another's way, for a third of the
    time. And each is told of when it is done, whatever the user's settings of Dask."""
    with threadpool_limits(1, user_api="blas"), dask.config.set(_OF_DASK):
        yield


def _cluster() -> ModuleType:
    try:
        from xc.evaluate import cluster  # noqa: PLC0415  (imports slowly, and few runs need it)
    except ImportError as error:
        raise RequestError(
            f"a cluster needs the package distributed ({error}); install it, or use threads"
        ) from error
    return cluster


@dataclass(frozen=True)
class Work:
    """What a pass over the rows needs: who reads, which rows, where Dask runs."""

    reader: Reader
    """Opens store and run."""
    ranges: tuple[Range, ...]
    """Held-out row ranges."""
    blocks: tuple[Range, ...]
    """The same rows, cut into tasks."""
    scheduler: str
    """Where the tasks run."""
    progress: Progress
    """Told of rows read."""

    @property
    def on_cluster(self) -> bool:
        """Whether tasks run on workers that may go."""
        return self.scheduler.startswith(CLUSTER)

    def run(self, graph: Any, title: str, blocks: Sequence[Range] | None = None) -> Any:
        """Value of a graph over `blocks`, or over those given."""
        rows = sum(b - a for a, b in (self.blocks if blocks is None else blocks))
        return compute(
            graph, scheduler=self.scheduler, progress=self.progress, title=title, rows=rows
        )


class _Ticks(Callback):  # type: ignore[misc]
    """Tells the progress of finished block tasks."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        super().__init__(posttask=self._after)
        self._advance = advance

    def _after(self, key: Any, result: Any, dsk: Any, state: Any, worker: Any) -> None:
        if rows := rows_of(str(key)):
            self._advance(rows)
