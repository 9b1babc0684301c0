"""Background jobs: in order, their errors reach the caller, nothing hangs."""

import threading

import pytest

from xc.harvest.background import WAITING, Background


def test_jobs_run_in_order():
    done = []
    with Background() as background:
        for i in range(20):
            background.submit(lambda i=i: done.append(i))
    assert done == list(range(20))


def test_an_error_reaches_the_caller_at_the_end():
    def fail():
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Background() as background:
        background.submit(fail)


def test_an_error_stops_later_jobs():
    done = []

    def fail():
        raise OSError("full")

    def submit_many(background):
        background.submit(fail)
        for i in range(50):
            background.submit(lambda i=i: done.append(i))

    with pytest.raises(OSError, match="full"), Background() as background:
        submit_many(background)
    assert done == []


def test_leaving_by_an_error_drops_what_has_not_begun():
    gate, done = threading.Event(), []

    def run(background):
        background.submit(gate.wait)
        for i in range(WAITING):
            background.submit(lambda i=i: done.append(i))
        threading.Timer(0.05, gate.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Background() as background:
        run(background)
    assert done == []
