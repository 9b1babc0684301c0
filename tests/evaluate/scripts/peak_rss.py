"""Write a store and a run of N held-out rows, or evaluate them and print the process' peak RSS.

peak_rss.py write FOLDER N
peak_rss.py evaluate FOLDER
"""

import sys
from pathlib import Path

from peak_memory import BLOCK, write_run, write_store

from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import ActivationStore, RunLayout, Silent

GROUPS = 4
"""So that blocks have the same size whatever N is: groups of the fewest rows are whole blocks."""


def write(folder: Path, n_rows: int) -> None:
    """The inputs, in a process of its own: writing has a peak too."""
    write_run(folder / "run", write_store(folder / "acts.zarr", n_rows))


def measure(folder: Path) -> None:
    """A whole evaluation, intervals and kept sums too; peak MiB on the standard output.

    Blocks are those of default settings, the shards. One task at a time: what several threads
    leave unused in the allocator's pools is chance.
    """
    config = EvaluateConfig(groups=GROUPS, tile_rows=BLOCK // 2, report=False, scheduler="sync")
    store = ActivationStore.open(folder / "acts.zarr")
    evaluate(config, run=RunLayout(folder / "run"), store=store, progress=Silent())
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        measure(Path(sys.argv[2]))
