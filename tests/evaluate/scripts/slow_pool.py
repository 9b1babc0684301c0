"""Run slow tasks on two processes of the scheduler; each holds a lock as long as it lives.

    python slow_pool.py FOLDER

The locks are of files in FOLDER, one for each process.
"""

import fcntl
import os
import sys
import time
from functools import partial
from pathlib import Path

import dask

from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.scheduler import compute
from xc.evaluate.task_graph import tree
from xc.store_schema import Silent

SECONDS = 0.05
"""Of a task."""


def locked(folder: Path, block: Range) -> int:
    """What a task does."""
    path = folder / str(os.getpid())
    if not path.exists():
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)  # open to the end
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    time.sleep(SECONDS)
    return block[1]


def main(folder: Path) -> None:
    """Work until somebody ends it."""
    graph = tree(cut_all([(0, 10_000)], 1), partial(locked, folder), max)
    with dask.config.set(num_workers=2):
        compute(graph, scheduler="processes", progress=Silent(), title="", rows=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
