"""Running a graph on a Dask cluster, with the progress of its blocks as the scheduler tells it."""

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from distributed import Client, Security
from distributed.comm import connect, get_address_host_port

from xc.evaluate.task_graph import rows_of
from xc.store_schema import Progress, RequestError

CONNECT_SECONDS = 3.0
"""Until an address that gives no sign is given up; one that refuses is at once."""
GREET_SECONDS = 10.0
"""Until a scheduler that may be busy has to have answered."""
POLL_SECONDS = 0.5
"""How often the scheduler is asked which tasks are done."""
_OVERLAP = 30.0
"""Seconds by which two answers overlap, so that clocks need not agree; a task counts once."""


def on_cluster(graph: Any, address: str, progress: Progress) -> Any:
    """Value of a delayed graph.

    A worker that dies costs what it had in memory: its tasks run again elsewhere.

    Raises:
        RequestError: if no scheduler answers at the address.
    """
    with _client(address) as client:
        ticks = _Ticks(client, progress, {str(key) for key in graph.__dask_graph__()})
        future = client.compute(graph)
        done = Event()
        future.add_done_callback(lambda _: done.set())
        while not done.wait(POLL_SECONDS):
            ticks.tell()
        ticks.tell()
        return future.result()


def dashboard(address: str) -> str:
    """The link under which the tasks of a cluster can be watched.

    Raises:
        RequestError: if no scheduler answers at the address.
    """
    with _client(address) as client:
        return str(client.dashboard_link)


def _client(address: str) -> Client:
    """A client of the scheduler; distributed alone would try a port that refuses for seconds."""
    try:
        with socket.create_connection(get_address_host_port(address), timeout=CONNECT_SECONDS):
            pass
        _greet(address)
        return Client(address, timeout=GREET_SECONDS, set_as_default=False)
    except OSError as error:
        raise RequestError(
            f"no Dask scheduler answers at {address} ({error}); start one or use threads"
        ) from error


def _greet(address: str) -> None:
    """Shake hands with what is there, once: a client waits for the answer for as long as it takes.

    Raises:
        OSError: if it is silent, or no scheduler; it may say anything then, and fail in any way.
    """
    try:
        with ThreadPoolExecutor(1) as pool:  # in a notebook this thread has a loop that runs
            pool.submit(asyncio.run, _hands_shaken(address)).result()
    except TimeoutError as error:
        raise OSError(f"it accepts, and says nothing for {GREET_SECONDS:g} s") from error
    except OSError:
        raise
    except Exception as error:
        raise OSError("it accepts, and says what no scheduler does") from error


async def _hands_shaken(address: str) -> None:
    secrets = Security().get_connection_args("client")
    async with asyncio.timeout(GREET_SECONDS):
        comm = await connect(address, **secrets)
        await comm.close()


class _Ticks:
    """Tells the progress of blocks that have come to an end since it was last asked."""

    def __init__(self, client: Client, progress: Progress, awaited: set[str]) -> None:
        self._client = client
        self._progress = progress
        self._awaited = awaited
        self._asked = time.time()
        client.get_task_stream(count=0)  # from the first question on the scheduler takes notes

    def tell(self) -> None:
        """Advance by the rows of what is new."""
        since, self._asked = self._asked - _OVERLAP, time.time()
        done = {str(task["key"]) for task in self._client.get_task_stream(start=since)}
        for key in done & self._awaited:
            if rows := rows_of(key):
                self._progress.advance(rows)
        self._awaited -= done
