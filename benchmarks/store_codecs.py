"""What each codec costs and loses, alone and in training: for `store.py`."""

import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from store_rows import KEY, WIDTH, Job, interleaved, timed, write_store

from xc.store_schema import ActivationStore, Checkpoint
from xc.store_schema.codecs import CODECS


def measure_codecs(folder: Path, rows: np.ndarray, shard_rows: int, rounds: int) -> dict[str, Any]:
    """Bytes, loss and throughput of every codec."""
    stores = {c.name: folder / f"{c.name}.zarr" for c in CODECS}
    writing: dict[str, list[float]] = {name: [] for name in stores}
    for _ in range(rounds):
        for name, path in stores.items():
            shutil.rmtree(path, ignore_errors=True)
            writing[name].append(write_store(path, rows, name, shard_rows))
    raws = {name: ActivationStore.open(path).activations(KEY).raw for name, path in stores.items()}
    reading = interleaved({n: _whole_read(raw) for n, raw in raws.items()}, rounds)
    megabytes = rows.size * 2 / 1e6
    found = {}
    for name, path in stores.items():
        files = (path / "activations" / KEY / "c").rglob("*")
        size = sum(p.stat().st_size for p in files if p.is_file())
        found[name] = {
            "bytes_per_element": round(size / rows.size, 3),
            **_lost(raws[name][:], rows),
            "write_mb_per_s": round(megabytes / statistics.median(writing[name])),
            "read_mb_per_s": round(megabytes / statistics.median(reading[name])),
        }
    return found


def _whole_read(raw: Any) -> Job:
    """Every shard, read as stored."""

    def job() -> None:
        for start in range(0, len(raw), raw.file_rows):
            _ = raw[start : start + raw.file_rows]

    return lambda: timed(job)


def _lost(stored: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """Fraction of variance unexplained that storing adds: pooled, and in the median dimension."""
    lost, total = np.zeros(WIDTH), rows.var(axis=0, dtype=np.float64) * len(rows)
    for start in range(0, len(rows), 8192):
        part = slice(start, start + 8192)
        lost += ((stored[part].astype(np.float64) - rows[part]) ** 2).sum(axis=0)
    figures = {"fvu": lost.sum() / total.sum(), "fvu_median_dimension": np.median(lost / total)}
    return {name: float(f"{value:.2g}") for name, value in figures.items()}


def measure_training(folder: Path, tokens: int, seeds: int) -> dict[str, Any]:
    """Held-out fve, on float32 rows, of a crosscoder of the embedded pair trained from each codec.

    Compressors leave values as they are, so each number type is trained from once.
    """
    plain = [c.name for c in CODECS if not c.compressed]
    for name in plain:
        _xc("harvest", "zoo:base", "zoo:distilled", "--layer", "2,1", "--dataset", "zoo:stdlib",
            "--tokens", tokens, "--codec", name, "--store", folder / f"pair-{name}.zarr",
            "--device", "cpu")  # fmt: skip
    truth = ActivationStore.open(folder / "pair-fp32.zarr")
    found: dict[str, dict[str, list[float]]] = {}
    for name in plain:
        fves = []
        for seed in range(seeds):
            run = folder / f"run-{name}-{seed}"
            _xc("train", "--store", folder / f"pair-{name}.zarr", "--run", run, "--d-sae", 512,
                "--k", 32, "--tokens", 2 * tokens, "--seed", seed, "--device", "cpu")  # fmt: skip
            fves.append(_fve(Checkpoint.load(run), truth))
        found[name] = {"fve": [round(v, 5) for v in fves]}
    exact = found["fp32"]["fve"]
    return {
        "tokens": tokens,
        "d_sae": 512,
        "codecs": {
            name: {**of, "difference": round(float(np.mean(np.subtract(of["fve"], exact))), 5)}
            for name, of in found.items()
        },
    }


def _xc(*words: object) -> None:
    xc = Path(sys.executable).with_name("xc")
    subprocess.run([xc, *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def _fve(checkpoint: Checkpoint, store: ActivationStore) -> float:
    """Pooled over sources after each one's normalisation, over all held-out rows."""
    ranges = store.splits["heldout"]
    lost, total = 0.0, 0.0
    x = [
        np.concatenate([store.activations(s.key)[a:b] for a, b in ranges])
        for s in checkpoint.sources
    ]
    read = checkpoint.decode(checkpoint.encode(x))
    for rows, back, scale in zip(x, read, checkpoint.scale, strict=True):
        lost += float(scale) ** 2 * float(((rows - back).astype(np.float64) ** 2).sum())
        total += float(scale) ** 2 * float(rows.var(axis=0, dtype=np.float64).sum()) * len(rows)
    return 1 - lost / total
