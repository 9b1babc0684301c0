"""Processes that die just before a chosen file operation; forked, so that each starts clean."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}


def work_until(work: Callable[[], None], last: int | None) -> int:
    """Work, and die just before the operation of that number; else return how many there were.

    An operation is an opening for writing, a renaming, making or removing of anything.
    """
    seen = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if writes or event in EVENTS:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    work()
    return seen


def in_child(work: Callable[[], object]) -> bool:
    """Run in a forked process; True if it came to its end.

    Raises:
        SystemExit: if it failed.
    """
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a writer failed")
    return os.WIFEXITED(status)
