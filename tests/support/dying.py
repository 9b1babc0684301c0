"""Sums that kill the process that takes them, once: importable where workers of a cluster run."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from xc.evaluate.metric import Partial, Sums
from xc.evaluate.row_block import RowBlock


@dataclass(frozen=True)
class DiesOnce:
    """The partial of a metric; at some row, if no marker is there, it leaves one and dies."""

    partial: Partial
    row: int
    marker: Path

    def __call__(self, block: RowBlock) -> Sums:
        if block.start >= self.row and not self.marker.exists():
            self.marker.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return self.partial(block)
