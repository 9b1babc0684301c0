"""How fast `xc evaluate` is, beside the dense way and a SQL engine, and how much memory it takes.

    python benchmarks/evaluate.py [--rows 32768] [--rounds 3]

Contestants take turns within a round, so that a busy machine slows all of them alike; only ratios
within one run mean anything. Ours are the pass of `xc evaluate`, which takes by group the sums that
intervals need. Latent scaling here is that of every latent, for two targets (error and
reconstruction) of both sources along the decoder directions of both; the dense way takes it along
those of both, or of one alone. Memory is that of `evaluate_memory.py`. duckdb comes from PyPI into
a folder of its own. Writes benchmarks/results/evaluate.json; 20 minutes on two cores, 6 GB.
"""

import argparse
import importlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from evaluate_data import D_SAE, KEYS, PART, WIDTH, K, write_run, write_store
from evaluate_memory import ROWS, TIMES, peak_mib
from evaluate_pass import AsEvaluated, of_metric, summed

from xc.evaluate import reader as rows
from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.config import EvaluateConfig
from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.reader import Reader
from xc.evaluate.row_block import RowBlock
from xc.store_schema import LatentTable, RunLayout, atomic_write, canonical_json

RESULT = Path(__file__).parent / "results" / "evaluate.json"
BLOCK, DENSE = 8192, 4096
"""Rows of a task, ours (so that there are four) and dense."""
SCALING = ("nu_error", "nu_reconstruction")
COUNTING = ("frequency", "mean_activation", "max_activation")

OURS = "latent scaling, ours under Dask"
PLAIN = "latent scaling, ours on plain threads"
SCIPY = "latent scaling, ours without numba"
DENSE_BOTH = "latent scaling, dense torch"
DENSE_ONE = "latent scaling, dense torch along one direction"
EVERY = "all metrics that read rows, ours, sums kept on disk"
READING = "reading alone"
COUNTS = "count, mean, max by latent, ours"
SQL = "count, mean, max by latent, duckdb"


# ── contestants ─────────────────────────────────────────────────────────────────────────────────


def without_numba(ours: AsEvaluated, blocks: Sequence[Range], metrics: Sequence[Metric]) -> Any:
    """Ours where numba is missing."""
    with patch.object(rows, "block_type", lambda: RowBlock):
        return ours.under_dask(blocks, metrics)


def dense(reader: Reader, blocks: Sequence[Range], directions: Sequence[int]) -> np.ndarray:
    """β numerators of error and reconstruction by dense matrices, block by block.

    float64 [target, source, direction, latent].
    """
    W = [torch.from_numpy(w) for w in reader.decoder.W]
    b = [torch.from_numpy(v) for v in reader.decoder.b]
    total = torch.zeros(2, len(W), len(directions), D_SAE, dtype=torch.float64)
    for start, stop in cut_all(blocks, DENSE):
        f = torch.from_numpy(reader.latents(start, stop).matrix.toarray())
        x = reader.activations(start, stop, np.ones(stop - start, bool))
        for m in range(len(W)):
            xhat = f @ W[m] + b[m]
            for target, y in enumerate((torch.from_numpy(x[m]) - xhat, xhat)):
                for i, t in enumerate(directions):
                    total[target, m, i] += (f * (y @ W[t].T)).sum(0, dtype=torch.float64)
    return total.numpy()


def read_only(reader: Reader, blocks: Sequence[Range]) -> None:
    """Reading and normalising alone, on threads: what no evaluation can undercut."""

    def walk(block: Range) -> None:
        for tile in reader.tiles(*block):
            _ = tile.x

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(walk, blocks))


def with_duckdb(duckdb: Any, run: RunLayout, n_rows: int) -> Any:
    """Count, mean and maximum of every latent in SQL over the same Parquet files."""
    connection = duckdb.connect()
    connection.execute(f"SET threads TO {os.cpu_count()}")
    files = [str(p.path) for p in LatentTable.open(run.latents).parts if p.stop <= n_rows]
    return connection.execute(
        "SELECT latent, count(*), sum(activation::DOUBLE), max(activation) "
        f"FROM read_parquet({files}) GROUP BY latent ORDER BY latent"
    ).fetchnumpy()


def install_duckdb() -> Any:
    """duckdb from PyPI, in a folder outside the project's environment."""
    folder = Path(tempfile.gettempdir()) / "xc-benchmark-peers"
    if not (folder / "duckdb").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
        subprocess.run([*pip, "duckdb"], check=True)
    sys.path.append(str(folder))
    return importlib.import_module("duckdb")


# ── measuring ───────────────────────────────────────────────────────────────────────────────────


def in_turns(contestants: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every contestant in every round."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return seconds


def ratio(seconds: dict[str, list[float]], slow: str, fast: str) -> float:
    """Median over rounds of slow/fast."""
    turns = zip(seconds[slow], seconds[fast], strict=True)
    return round(statistics.median(a / b for a, b in turns), 2)


def check(ours: AsEvaluated, duckdb: Any, run: RunLayout) -> None:
    """All contestants find the same numbers of one part of the table; after it, all are warm.

    Our blocks are so small that several are added up one after the other.

    Raises:
        SystemExit: if they do not.
    """
    whole = [(0, PART)]
    blocks = cut_all(whole, PART // 64)
    by_hand = dense(ours.reader, whole, (0, 1))
    scale = np.abs(by_hand).max()
    same = True
    for way in (ours.under_dask, ours.on_threads, partial(without_numba, ours)):
        totals = way(blocks, summed(SCALING))
        along = (
            of_metric(totals, "beta_error")["residual_along"],
            of_metric(totals, "beta_reconstruction")["xhat_along"],
        )
        same &= np.allclose(np.moveaxis(along, 1, -1), by_hand, rtol=0, atol=1e-5 * scale)
    found, sql = ours.kept(blocks, METRICS), with_duckdb(duckdb, run, PART)
    at, total = sql["latent"], sql["sum(CAST(activation AS DOUBLE))"]
    same &= np.array_equal(found["frequency"]["fired"][at], sql["count_star()"])
    same &= np.array_equal(found["max_activation"]["max"][at], sql["max(activation)"])
    same &= np.allclose(found["mean_activation"]["sum"][at], total, rtol=1e-12)
    if not same:
        raise SystemExit("contestants disagree")


def bytes_per_entry(run: RunLayout) -> float:
    """Of the latent table on disk."""
    table = LatentTable.open(run.latents)
    return round(sum(p.path.stat().st_size for p in table.parts) / table.n_entries, 2)


def machine() -> dict[str, Any]:
    """The machine in general terms."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "python": platform.python_version(),
    }


def benchmark(n_rows: int, rounds: int) -> dict[str, Any]:
    """The whole of it."""
    duckdb = install_duckdb()
    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / "acts.zarr", max(n_rows, ROWS * max(TIMES)))
        run = write_run(Path(folder) / "run", store)
        reader = Reader(store.path, run.root, EvaluateConfig.tile_rows)
        check(AsEvaluated.of(reader, PART), duckdb, run)
        ours, blocks = AsEvaluated.of(reader, n_rows), cut_all([(0, n_rows)], BLOCK)
        scaling, counting = summed(SCALING), summed(COUNTING)
        contestants: dict[str, Callable[[], Any]] = {
            OURS: lambda: ours.under_dask(blocks, scaling),
            PLAIN: lambda: ours.on_threads(blocks, scaling),
            SCIPY: lambda: without_numba(ours, blocks, scaling),
            DENSE_BOTH: lambda: dense(reader, blocks, (0, 1)),
            DENSE_ONE: lambda: dense(reader, blocks, (1,)),
            EVERY: lambda: ours.kept(blocks, METRICS),
            READING: lambda: read_only(reader, blocks),
            COUNTS: lambda: ours.under_dask(blocks, counting),
            SQL: lambda: with_duckdb(duckdb, run, n_rows),
        }
        seconds = in_turns(contestants, rounds)
        memory = {n: peak_mib(store.path, run.root, n * ROWS) for n in TIMES}
        return report(seconds, memory, n_rows) | {"bytes_per_entry": bytes_per_entry(run)}


def report(seconds: dict[str, list[float]], memory: dict[int, int], n_rows: int) -> dict[str, Any]:
    """The object of the JSON file."""
    return {
        "machine": machine(),
        "versions": {
            name: metadata.version(name)
            for name in ("xcdiff", "numpy", "scipy", "numba", "dask", "torch", "pyarrow")
        }
        | {"duckdb": str(importlib.import_module("duckdb").__version__)},
        "sizes": {
            "rows": n_rows, "sources": len(KEYS), "d_model": WIDTH, "d_sae": D_SAE,
            "active_per_row": K, "targets": 2, "block_rows": BLOCK,
            "tile_rows": EvaluateConfig.tile_rows, "groups": EvaluateConfig.groups,
        },
        "seconds": {name: [round(s, 3) for s in found] for name, found in seconds.items()},
        "ratios": {
            "dense torch / ours": ratio(seconds, DENSE_BOTH, OURS),
            "dense torch along one direction / ours along both": ratio(seconds, DENSE_ONE, OURS),
            "without numba / ours": ratio(seconds, SCIPY, OURS),
            "under Dask / plain threads": ratio(seconds, OURS, PLAIN),
            "all metrics, sums kept / latent scaling alone": ratio(seconds, EVERY, OURS),
            "ours / duckdb, count mean max": ratio(seconds, COUNTS, SQL),
        },
        "peak_resident_mib": {
            **{f"{n} x {ROWS} rows": found for n, found in memory.items()},
            "largest / smallest": round(max(memory.values()) / min(memory.values()), 2),
        },
    }  # fmt: skip


def print_table(result: dict[str, Any]) -> None:
    """The result for people."""
    for name, found in result["seconds"].items():
        print(f"{name:52s} {statistics.median(found):8.2f} s")
    for part in ("ratios", "peak_resident_mib"):
        print()
        for name, value in result[part].items():
            print(f"{name:52s} {value:8}")
    print(f"\nbytes per entry of the latent table {result['bytes_per_entry']:8}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=32768, help="held-out rows")
    parser.add_argument("--rounds", type=int, default=3, help="timed turns of each contestant")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file to write")
    given = parser.parse_args()
    result = benchmark(given.rows, given.rounds)
    print_table(result)
    atomic_write(given.out, canonical_json(result))


if __name__ == "__main__":
    main()
