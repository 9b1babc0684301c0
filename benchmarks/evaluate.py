"""How fast `xc evaluate` is, beside the dense way and a SQL engine, and how much memory it takes.

    python benchmarks/evaluate.py [--rows 32768] [--rounds 3]

Contestants take turns within a round, so that a busy machine slows all of them alike; only ratios
within one run mean anything. Latent scaling here is that of every latent, for two targets (error
and reconstruction) of both sources along the decoder directions of both; the dense way takes it
along those of both, or of one alone. Memory is that of all metrics over 1, 10 and 50 times the
rows, in groups as an evaluation has them, in a process each. duckdb comes from PyPI into a folder
of its own. Writes benchmarks/results/evaluate.json; a quarter of an hour on two cores, 3 GB.
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
from functools import reduce
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from xc.evaluate import reader as rows
from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.clusters import row_groups
from xc.evaluate.graph import BlockTotals, CombineTotals, metric_totals
from xc.evaluate.measuring import measure
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.parts import largest_sums
from xc.evaluate.passes import Passes
from xc.evaluate.reader import Reader
from xc.evaluate.reductions import reductions
from xc.evaluate.repetition import repetition
from xc.evaluate.row_block import RowBlock
from xc.evaluate.scheduler import Work, compute
from xc.evaluate.selection import select
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    CheckpointSource,
    LatentTable,
    LatentTableWriter,
    RunLayout,
    Silent,
    Source,
    StorePlan,
    StoreWriter,
    atomic_write,
    canonical_json,
)

RESULT = Path(__file__).parent / "results" / "evaluate.json"
KEYS = ("alpha@1", "beta@2")
WIDTH, D_SAE, K = 768, 4096, 60
LENGTH, BLOCK, TILE, DENSE = 32, 8192, 2048, 4096
"""Sequences are short, so that blocks of memory's 512 rows hold rows of most groups, as the 16,384
rows of a default block do."""
MEASURED, TIMES = 16384, (1, 10, 50)
SCALING = ("nu_error", "nu_reconstruction")
COUNTING = ("frequency", "mean_activation", "max_activation")

OURS = "latent scaling, ours under Dask"
PLAIN = "latent scaling, ours on plain threads"
SCIPY = "latent scaling, ours without numba"
DENSE_BOTH = "latent scaling, dense torch"
DENSE_ONE = "latent scaling, dense torch along one direction"
EVERY = "all metrics that read rows, ours"
READING = "reading alone"
COUNTS = "count, mean, max by latent, ours"
SQL = "count, mean, max by latent, duckdb"


def reading(names: Sequence[str] = ()) -> tuple[Metric, ...]:
    """Metrics of these names (all, if none) that read rows, with those they need."""
    return tuple(m for m in select(METRICS, names) if m.reads is not Pass.NONE)


def summed(names: Sequence[str] = ()) -> tuple[Metric, ...]:
    """The same, those that sum up the same once, as an evaluation takes them."""
    return tuple(reductions(reading(names)).values())


# ── data ────────────────────────────────────────────────────────────────────────────────────────


def write_store(path: Path, n_rows: int) -> ActivationStore:
    """Random activations of two sources, all held out."""
    n_sequences = n_rows // LENGTH
    plan = StorePlan(
        token_ids=np.ones(n_rows, np.int32),
        token_offsets=np.arange(0, n_rows + 1, LENGTH),
        document=np.arange(n_sequences),
        split=np.ones(n_sequences, np.uint8),
        keep=np.ones(n_rows, bool),
        vocabulary=[b"a", b"b"],
        corpus={},
        tokenizer={},
        filter={},
        config={},
    )
    writer = StoreWriter.create(path, plan)
    sources = [Source(k, k[:-2], None, 1, "residual", "made", WIDTH, "float32", "0") for k in KEYS]
    writer.add_sources(sources, codec="bf16", tuples=[KEYS])
    rng = np.random.default_rng(0)
    for key in KEYS:
        for shard in writer.missing(key):
            a, b = writer.shard_range(shard)
            writer.write_shard(key, shard, rng.standard_normal((b - a, WIDTH), np.float32))
    writer.seal()
    return ActivationStore.open(path)


def write_run(root: Path, store: ActivationStore) -> RunLayout:
    """Random weights; K distinct latents of D_SAE a row."""
    rng = np.random.default_rng(1)
    run = RunLayout(root)

    def weights(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32) / np.float32(np.sqrt(WIDTH))

    checkpoint = Checkpoint(
        sources=tuple(CheckpointSource(k, k[:-2], None, 1, "residual", WIDTH) for k in KEYS),
        activation_fn={"name": "relu"},
        W_enc=tuple(weights(WIDTH, D_SAE) for _ in KEYS),
        b_enc=np.zeros(D_SAE, np.float32),
        W_dec=tuple(weights(D_SAE, WIDTH) for _ in KEYS),
        b_dec=tuple(weights(WIDTH) for _ in KEYS),
    )
    checkpoint.save(run.checkpoint)
    with LatentTableWriter(
        run.latents,
        d_sae=D_SAE,
        checkpoint=checkpoint.fingerprint,
        store=store.fingerprint_of(KEYS),
    ) as table:
        for a, b in cut_all(store.blocks("heldout"), BLOCK):
            first = rng.integers(0, D_SAE, (b - a, 1))
            step = 2 * rng.integers(0, D_SAE // 2, (b - a, 1)) + 1
            latent = np.sort((first + step * np.arange(K)) % D_SAE, axis=1).astype(np.int32)
            f = rng.gamma(2.0, 1.0, latent.size).astype(np.float32) + np.float32(1e-3)
            table.write(a, b, np.repeat(np.arange(a, b), K), latent.ravel(), f)
    return run


# ── contestants ─────────────────────────────────────────────────────────────────────────────────


def ours(reader: Reader, blocks: Sequence[Range], metrics: Sequence[Metric]) -> Any:
    """Through the Dask graph, on threads."""
    graph = metric_totals(reader, metrics, blocks)
    return compute(graph, scheduler="threads", progress=Silent(), title="", rows=0)


def without_numba(reader: Reader, blocks: Sequence[Range], metrics: Sequence[Metric]) -> Any:
    """The same where numba is missing."""
    with patch.object(rows, "block_type", lambda: RowBlock):
        return ours(reader, blocks, metrics)


def ours_plain(reader: Reader, blocks: Sequence[Range], metrics: Sequence[Metric]) -> Any:
    """The same tasks on a thread pool, without Dask."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(BlockTotals(reader, metrics), blocks))
    return reduce(CombineTotals(metrics), parts)


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


def with_duckdb(duckdb: Any, run: RunLayout, blocks: Sequence[Range]) -> Any:
    """Count, mean and maximum of every latent in SQL over the same Parquet files."""
    connection = duckdb.connect()
    connection.execute(f"SET threads TO {os.cpu_count()}")
    files = [str(run.latents / f"part-{a:012d}-{b:012d}.parquet") for a, b in blocks]
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


def check(reader: Reader, blocks: Sequence[Range], duckdb: Any, run: RunLayout) -> None:
    """All contestants find the same numbers; after it, all are warm.

    Raises:
        SystemExit: if they do not.
    """
    by_hand = dense(reader, blocks, (0, 1))
    scale = np.abs(by_hand).max()
    same = True
    for way in (ours, ours_plain, without_numba):
        found = way(reader, blocks, reading(SCALING))
        own = [found["beta_error"]["residual_along"], found["beta_reconstruction"]["xhat_along"]]
        same &= np.allclose(np.moveaxis(own, 1, -1), by_hand, rtol=0, atol=1e-5 * scale)
    totals = ours(reader, blocks, reading())
    counts, sums = totals["frequency"]["fired"], totals["mean_activation"]["sum"]
    sql = with_duckdb(duckdb, run, blocks)
    same &= np.array_equal(counts[sql["latent"]], sql["count_star()"])
    same &= np.array_equal(totals["max_activation"]["max"][sql["latent"]], sql["max(activation)"])
    same &= np.allclose(sums[sql["latent"]], sql["sum(CAST(activation AS DOUBLE))"], rtol=1e-12)
    if not same:
        raise SystemExit("contestants disagree")


def peak_mib(store: Path, run: Path, n_rows: int) -> float:
    """Peak resident memory of all metrics over the first `n_rows` rows, in a process of its own."""
    command = [sys.executable, __file__, "--peak", str(store), str(run), str(n_rows)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(store: str, run: str, n_rows: str) -> None:
    """What `peak_mib` runs; `ru_maxrss` would tell the parent's peak where that is larger."""
    reader = Reader(Path(store), Path(run), MEASURED // 32)
    blocks = cut_all([(0, int(n_rows))], MEASURED // 32)  # stages of four blocks in the smallest
    work = Work(reader, ((0, int(n_rows)),), blocks, "threads", Silent())
    sequences = reader.store.sequences
    counted = np.diff(sequences.row_offsets)
    largest = largest_sums(METRICS, reader.decoder.widths)
    groups = row_groups(counted, np.arange(len(counted)), 20, largest=largest)
    again = repetition(METRICS).again
    with tempfile.TemporaryDirectory() as folder:
        passes = Passes(Path(folder) / "passes")
        measure(work, passes, groups, METRICS, by_group=[m.name for m in again])
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


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
        store = write_store(Path(folder) / "acts.zarr", max(n_rows, MEASURED * max(TIMES)))
        run = write_run(Path(folder) / "run", store)
        reader = Reader(store.path, run.root, TILE)
        blocks = cut_all([(0, n_rows)], BLOCK)
        check(reader, blocks[:1], duckdb, run)
        scaling, counting, every = summed(SCALING), summed(COUNTING), summed()
        contestants: dict[str, Callable[[], Any]] = {
            OURS: lambda: ours(reader, blocks, scaling),
            PLAIN: lambda: ours_plain(reader, blocks, scaling),
            SCIPY: lambda: without_numba(reader, blocks, scaling),
            DENSE_BOTH: lambda: dense(reader, blocks, (0, 1)),
            DENSE_ONE: lambda: dense(reader, blocks, (1,)),
            EVERY: lambda: ours(reader, blocks, every),
            READING: lambda: read_only(reader, blocks),
            COUNTS: lambda: ours(reader, blocks, counting),
            SQL: lambda: with_duckdb(duckdb, run, blocks),
        }
        seconds = in_turns(contestants, rounds)
        memory = {n: round(peak_mib(store.path, run.root, n * MEASURED)) for n in TIMES}
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
            "active_per_row": K, "targets": 2, "block_rows": BLOCK, "tile_rows": TILE,
        },
        "seconds": {name: [round(s, 3) for s in found] for name, found in seconds.items()},
        "ratios": {
            "dense torch / ours": ratio(seconds, DENSE_BOTH, OURS),
            "dense torch along one direction / ours along both": ratio(seconds, DENSE_ONE, OURS),
            "without numba / ours": ratio(seconds, SCIPY, OURS),
            "under Dask / plain threads": ratio(seconds, OURS, PLAIN),
            "all metrics / latent scaling alone": ratio(seconds, EVERY, OURS),
            "ours / duckdb, count mean max": ratio(seconds, COUNTS, SQL),
        },
        "peak_resident_mib": {
            **{f"{n} x {MEASURED} rows": found for n, found in memory.items()},
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
    parser.add_argument("--peak", nargs=3, metavar=("STORE", "RUN", "ROWS"), help="internal")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file to write")
    given = parser.parse_args()
    if given.peak:
        print_peak(*given.peak)
        return
    result = benchmark(given.rows, given.rounds)
    print_table(result)
    atomic_write(given.out, canonical_json(result))


if __name__ == "__main__":
    main()
