"""Peak resident memory of an evaluation's pass over 1, 10 and 50 times the rows.

    python benchmarks/evaluate_memory.py STORE RUN ROWS

All metrics, by group, with the blocks and tiles that `xc evaluate` takes unless it is told
otherwise; each size in a process of its own, that prints its peak in MiB. `evaluate.py` runs it.
"""

import subprocess
import sys
from pathlib import Path

from evaluate_pass import AsEvaluated

from xc.evaluate.blocks import LEAST_ROWS, cut, cut_all, default_rows
from xc.evaluate.config import EvaluateConfig
from xc.evaluate.metrics import METRICS
from xc.evaluate.reader import Reader

ROWS, TIMES = 2 * LEAST_ROWS, (1, 10, 50)
"""Of the smallest size, a block for each of two cores; and how many times as many."""


def peak_mib(store: Path, run: Path, n_rows: int) -> int:
    """Peak resident memory of a process that sums up the first `n_rows` rows."""
    command = [sys.executable, __file__, str(store), str(run), str(n_rows)]
    return round(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main(store: str, run: str, n_rows: str) -> None:
    """What `peak_mib` runs; `ru_maxrss` would tell the parent's peak where that is larger."""
    reader = Reader(Path(store), Path(run), EvaluateConfig.tile_rows)
    shard_rows = reader.store.shard_rows
    shards = cut(0, int(n_rows), shard_rows)
    size = default_rows(shards, shard_rows=shard_rows, tile_rows=reader.tile_rows)
    blocks = cut_all(shards, size)
    AsEvaluated.of(reader, int(n_rows)).kept(blocks, METRICS)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
