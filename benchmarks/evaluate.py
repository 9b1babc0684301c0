"""How fast `xc evaluate` is, beside the dense way and a SQL engine, and how much memory it takes.

    python benchmarks/evaluate.py [--rows 65536] [--rounds 3]

Contestants take turns within a round, so that a busy machine slows all of them alike; only ratios
within one run mean anything. duckdb comes from PyPI into a folder of its own. Writes
benchmarks/results/evaluate.json.
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

import numpy as np
import torch

from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.graph import BlockTotals, CombineTotals, metric_totals
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.reader import Reader
from xc.evaluate.scheduler import compute
from xc.evaluate.selection import select
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    CheckpointSource,
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
LENGTH, BLOCK, TILE, DENSE = 256, 16384, 2048, 4096
FEW, MANY = 2 * BLOCK, 8 * BLOCK
SCALING = ("nu_error", "nu_reconstruction")
COUNTING = ("frequency", "mean_activation", "max_activation")


def reading(names: Sequence[str] = ()) -> tuple[Metric, ...]:
    """Metrics of these names (all, if none) that read rows, with those they need."""
    return tuple(m for m in select(METRICS, names) if m.reads is not Pass.NONE)


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


def ours(reader: Reader, blocks: Sequence[Range], names: Sequence[str] = ()) -> Any:
    """Through the Dask graph, on threads."""
    graph = metric_totals(reader, reading(names), blocks)
    rows = sum(b - a for a, b in blocks)
    return compute(graph, scheduler="threads", progress=Silent(), title="", rows=rows)


def ours_plain(reader: Reader, blocks: Sequence[Range], names: Sequence[str]) -> Any:
    """The same tasks on a thread pool, without Dask."""
    metrics = reading(names)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(BlockTotals(reader, metrics), blocks))
    return reduce(CombineTotals(metrics), parts)


def dense(reader: Reader, blocks: Sequence[Range]) -> np.ndarray:
    """β numerators of error and reconstruction along B, by dense matrices, block by block.

    float64 [target, source, latent]. It covers one direction of the two that ours covers.
    """
    W = [torch.from_numpy(w) for w in reader.decoder.W]
    b = [torch.from_numpy(v) for v in reader.decoder.b]
    total = torch.zeros(2, len(W), D_SAE, dtype=torch.float64)
    for start, stop in cut_all(blocks, DENSE):
        f = torch.from_numpy(reader.latents(start, stop).matrix.toarray())
        x = reader.activations(start, stop, np.ones(stop - start, bool))
        for m in range(len(W)):
            xhat = f @ W[m] + b[m]
            for target, y in enumerate((torch.from_numpy(x[m]) - xhat, xhat)):
                total[target, m] += (f * (y @ W[-1].T)).sum(0, dtype=torch.float64)
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
    """Seconds of every contestant in every round, after one untimed turn each."""
    for run in contestants.values():
        run()
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
    """All contestants find the same numbers.

    Raises:
        SystemExit: if they do not.
    """
    found, by_hand = ours(reader, blocks, SCALING), dense(reader, blocks)
    own = [found["beta_error"]["residual_along"], found["beta_reconstruction"]["xhat_along"]]
    scale = np.abs(by_hand).max()
    counts = ours(reader, blocks, COUNTING)["frequency"]["fired"]
    sql = with_duckdb(duckdb, run, blocks)
    same = all(
        np.allclose(sums[:, :, 1].T, expected, rtol=0, atol=1e-5 * scale)
        for sums, expected in zip(own, by_hand, strict=True)
    )
    if not same or not np.array_equal(counts[sql["latent"]], sql["count_star()"]):
        raise SystemExit("contestants disagree")


def peak_mib(store: Path, run: Path, rows: int) -> float:
    """Peak resident memory of all metrics over the first `rows` rows, in a process of its own."""
    command = [sys.executable, __file__, "--peak", str(store), str(run), str(rows)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_peak(store: str, run: str, rows: str) -> None:
    """What `peak_mib` runs; `ru_maxrss` would tell the parent's peak where that is larger."""
    reader = Reader(Path(store), Path(run), TILE)
    ours(reader, cut_all([(0, int(rows))], BLOCK))
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def machine() -> dict[str, Any]:
    """The machine in general terms."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "python": platform.python_version(),
    }


def measure(rows: int, rounds: int) -> dict[str, Any]:
    """The whole benchmark."""
    duckdb = install_duckdb()
    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / "acts.zarr", max(rows, MANY))
        run = write_run(Path(folder) / "run", store)
        reader = Reader(store.path, run.root, TILE)
        blocks = cut_all([(0, rows)], BLOCK)
        check(reader, blocks[:1], duckdb, run)
        contestants: dict[str, Callable[[], Any]] = {
            "latent scaling, ours under Dask": lambda: ours(reader, blocks, SCALING),
            "latent scaling, ours on plain threads": lambda: ours_plain(reader, blocks, SCALING),
            "latent scaling, dense torch": lambda: dense(reader, blocks),
            "all metrics that read rows, ours": lambda: ours(reader, blocks),
            "reading alone": lambda: read_only(reader, blocks),
            "count, mean, max by latent, ours": lambda: ours(reader, blocks, COUNTING),
            "count, mean, max by latent, duckdb": lambda: with_duckdb(duckdb, run, blocks),
        }
        seconds = in_turns(contestants, rounds)
        memory = {n: round(peak_mib(store.path, run.root, n)) for n in (FEW, MANY)}
    return report(seconds, memory, rows)


def report(seconds: dict[str, list[float]], memory: dict[int, int], rows: int) -> dict[str, Any]:
    """The object of the JSON file."""
    small, large = sorted(memory)
    dask = "latent scaling, ours under Dask"
    return {
        "machine": machine(),
        "versions": {
            name: metadata.version(name)
            for name in ("xcdiff", "numpy", "scipy", "dask", "torch", "pyarrow")
        }
        | {"duckdb": str(importlib.import_module("duckdb").__version__)},
        "sizes": {
            "rows": rows, "sources": len(KEYS), "d_model": WIDTH, "d_sae": D_SAE,
            "active_per_row": K, "directions_ours": 2, "directions_dense": 1,
        },
        "seconds": {name: [round(s, 3) for s in found] for name, found in seconds.items()},
        "ratios": {
            "dense torch / ours": ratio(seconds, "latent scaling, dense torch", dask),
            "under Dask / plain threads": ratio(
                seconds, dask, "latent scaling, ours on plain threads"
            ),
            "all metrics / latent scaling alone": ratio(
                seconds, "all metrics that read rows, ours", dask
            ),
            "ours / duckdb, count mean max": ratio(
                seconds,
                "count, mean, max by latent, ours",
                "count, mean, max by latent, duckdb",
            ),
        },
        "peak_resident_mib": {
            f"{small} rows": memory[small],
            f"{large} rows": memory[large],
            "ratio": round(memory[large] / memory[small], 2),
        },
    }  # fmt: skip


def print_table(result: dict[str, Any]) -> None:
    """The result for people."""
    for name, found in result["seconds"].items():
        print(f"{name:42s} {statistics.median(found):8.2f} s")
    for part in ("ratios", "peak_resident_mib"):
        print()
        for name, value in result[part].items():
            print(f"{name:42s} {value:8}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=65536, help="held-out rows")
    parser.add_argument("--rounds", type=int, default=3, help="timed turns of each contestant")
    parser.add_argument("--peak", nargs=3, metavar=("STORE", "RUN", "ROWS"), help="internal")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file to write")
    given = parser.parse_args()
    if given.peak:
        print_peak(*given.peak)
        return
    result = measure(given.rows, given.rounds)
    print_table(result)
    atomic_write(given.out, canonical_json(result))


if __name__ == "__main__":
    main()
