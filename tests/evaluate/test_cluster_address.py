"""Addresses that accept connections and are no Dask scheduler: one line, and soon."""

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from distributed import LocalCluster

from xc.evaluate import cluster
from xc.evaluate.scheduler import compute
from xc.store_schema import RequestError, Silent

FRAMES = b"\x01" + bytes(7) + b"\x05" + bytes(7) + b"hello"
"""As Dask cuts its messages, but none of its own."""


@contextmanager
def listening(words: bytes | None) -> Iterator[str]:
    """An address that says this to whoever comes, or (None) hangs up; nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=answer, args=(server, words), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def answer(server: socket.socket, words: bytes | None) -> None:
    open_ones = []
    while True:
        try:
            visitor, _ = server.accept()
            if words is None:
                visitor.close()
            else:
                visitor.sendall(words)
                open_ones.append(visitor)
        except OSError:  # the visitor, or the test, is gone
            if server.fileno() < 0:
                return


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (b"", "accepts, and says nothing for 0.5 s"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "accepts, and says what no scheduler does"),
        (FRAMES, "accepts, and says what no scheduler does"),
        # Where it hangs up before the connection stands, distributed tries until the time is up.
        (None, "closed|accepts, and says nothing for 5 s"),
    ],
    ids=["silent", "another protocol", "frames", "hangs up"],
)
def test_what_accepts_and_is_no_scheduler_is_told(
    monkeypatch: pytest.MonkeyPatch, words: bytes | None, why: str
) -> None:
    seconds = 0.5 if words is not None else 5.0  # until it hangs up, on a busy machine
    monkeypatch.setattr(cluster, "GREET_SECONDS", seconds)
    began = time.monotonic()
    with listening(words) as address, pytest.raises(RequestError) as caught:
        compute(None, scheduler=address, progress=Silent(), title="x", rows=1)
    assert time.monotonic() - began < 9
    told = str(caught.value)
    assert told.startswith(f"no Dask scheduler answers at {address} (")
    assert re.search(why, told)
    assert "\n" not in told


def test_a_scheduler_is_greeted_in_a_loop_that_runs_too() -> None:
    """As a notebook has one."""

    async def greet(address: str) -> None:
        cluster._greet(address)

    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp", dashboard_address=":0"
    ) as running:
        cluster._greet(running.scheduler_address)
        asyncio.run(greet(running.scheduler_address))
