"""Ways to stop a run: an error at the end of a step, a signal once the curve has grown so far."""

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

from xc.store_schema import Silent


class Crash(BaseException):
    """Stands for a kill: nothing may be saved on its way out."""


class Stop(Silent):
    """Raises at the end of a step."""

    def __init__(self, after: int, error: type[BaseException]) -> None:
        self.left, self.error = after, error

    def advance(self, amount: int, **figures: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.error


def kill_at(process: subprocess.Popen[bytes], run: Path, lines: int, number: signal.Signals) -> int:
    """Signal the process once the curve has that many lines (or it ends)."""
    curve = run / "metrics.jsonl"
    for _ in itertools.count():
        if process.poll() is not None:
            break
        if curve.exists() and curve.read_bytes().count(b"\n") >= lines:
            os.kill(process.pid, number)
            break
        time.sleep(0.002)
    return process.wait(timeout=600)
