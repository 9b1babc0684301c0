"""Writing in the background, so that the models need not wait for the disk."""

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Job = Callable[[], None]

WAITING = 2
"""Jobs that may wait; a full queue makes the caller wait, so memory stays bounded."""


class Background:
    """Runs jobs one after the other in a thread; what one of them raises is raised to the caller.

    Leaving the context waits for all jobs; leaving it by an error drops those not yet begun.
    """

    def __init__(self) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue(maxsize=WAITING)
        self._error: BaseException | None = None
        self._dropping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="xc-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def submit(self, job: Job) -> None:
        """Queue a job; raises what an earlier job raised."""
        self._raise()
        self._jobs.put(job)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._dropping.set()
        self._jobs.put(None)
        self._thread.join()
        if kind is None:
            self._raise()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not self._dropping.is_set():
                self._attempt(job)

    def _attempt(self, job: Job) -> None:
        try:
            job()
        except BaseException as error:  # handed to the caller's thread
            self._error = error
            self._dropping.set()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
