"""How fast a store is read and written, beside plain files, and what each codec costs.

    python benchmarks/store.py [--rows N] [--rounds N]

Streams: one shuffled epoch after another of bfloat16 rows, in windows of a quarter of the store,
each batch widened to float32, as training does it. The memory map is read in the same order, in the
same windows, permuted and cast by the same functions; once by one thread, once with the next window
read ahead. These windows hold whole chunks and a quarter of the texts; "mixed" is what `xc train`
makes of windows, with strips of all chunks, at the price of reading rows several times. `mixing` is
the share of pairs of one text in a batch, over that of a global shuffle. A DataLoader that indexes
rows of a memory map is how most peers read theirs. Files are in the page cache for all. All take
turns in one run, so that the ratios hold where absolute times drift. Writes
`benchmarks/results/store.json`; with `--only`, what is not measured stays in it as it is.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from store_codecs import measure_codecs, measure_training
from store_rows import KEY, WIDTH, Job, interleaved, make_rows, timed, write_memmap, write_store

from xc.store_schema import ActivationStore
from xc.train.kept import KeptRows
from xc.train.mixing import mixing
from xc.train.shuffle import Shuffle, StreamPosition
from xc.train.stream import ShuffledStream

RESULT = Path(__file__).parent / "results" / "store.json"
BATCH, GATHERED = 4096, 4096
READS = 8
"""Most times that rows are read where batches are to be mixed, the default of `xc train`."""


def open_stream(
    store: ActivationStore, window_bytes: int, epochs: int, reads: int
) -> ShuffledStream:
    """Windows of whole chunks; with several `reads` mixed as `xc train` mixes them."""
    return ShuffledStream(
        store, [KEY], seed=0, window_bytes=window_bytes, rows=epochs * store.n_rows,
        batch=BATCH if reads > 1 else None, most_reads=reads,
    )  # fmt: skip


def epochs_of_xc(store: ActivationStore, window_bytes: int, epochs: int, *, reads: int = 1) -> Job:
    """Our stream."""

    def job() -> None:
        with open_stream(store, window_bytes, epochs, reads) as stream:
            position = StreamPosition()
            while position.epoch < epochs:
                batch, position = stream.batch(position, BATCH)
                batch.parts[0].float()

    return lambda: timed(job)


def epochs_of_memmap(flat: np.ndarray, shuffle: Shuffle, epochs: int, *, ahead: bool) -> Job:
    """The same order of rows out of a memory map."""

    def read(at: tuple[int, int]) -> torch.Tensor:
        pieces = shuffle.window_pieces(*at).tolist()
        out = np.empty((sum(b - a for a, b, _ in pieces), WIDTH), np.int16)
        done = 0
        for a, b, _ in pieces:
            out[done : done + b - a] = flat[a:b]
            done += b - a
        return torch.from_numpy(out).view(torch.bfloat16)

    def job() -> None:
        names = [(e, w) for e in range(epochs) for w in range(shuffle.n_windows)]
        for name, window in zip(names, _in_turn(read, names, ahead=ahead), strict=True):
            order = torch.from_numpy(shuffle.row_order(*name))
            for start in range(0, len(order), BATCH):
                torch.index_select(window, 0, order[start : start + BATCH]).float()

    return lambda: timed(job)


def _in_turn(
    read: Callable[[tuple[int, int]], torch.Tensor], names: list[tuple[int, int]], *, ahead: bool
) -> Iterator[torch.Tensor]:
    if not ahead:
        yield from map(read, names)
        return
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read, names[0])
        for name in names[1:]:
            window = waiting.result()
            waiting = pool.submit(read, name)
            yield window
        yield waiting.result()


class MemmapRows(torch.utils.data.Dataset[torch.Tensor]):
    """Rows of a memory map, one at a time: how most activation caches are read."""

    def __init__(self, flat: np.ndarray) -> None:
        self.flat = flat

    def __len__(self) -> int:
        return len(self.flat)

    def __getitem__(self, i: int) -> torch.Tensor:
        return torch.from_numpy(self.flat[i].copy()).view(torch.bfloat16).float()


def epoch_by_row(flat: np.ndarray) -> Job:
    """A DataLoader over rows."""

    def job() -> None:
        order = torch.Generator().manual_seed(0)
        data = MemmapRows(flat)
        loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, generator=order)
        for _ in loader:
            pass

    return lambda: timed(job)


def measure_streams(
    store: ActivationStore, flat: np.ndarray, rounds: int, epochs: int
) -> dict[str, Any]:
    """Rates of a shuffled epoch, MB/s as bfloat16."""
    window_bytes = flat.nbytes // 4
    with open_stream(store, window_bytes, epochs, 1) as stream:
        shuffle = stream.shuffle
    with open_stream(store, window_bytes, epochs, READS) as stream:
        reads, mixed = stream.shuffle.n_strips, stream.mixing
    rows = KeptRows([(0, len(flat))], np.ones(len(flat), dtype=bool))
    apart = mixing(shuffle, rows, store.sequences.row_offsets, batch=BATCH)
    seconds = interleaved(
        {
            "xc": epochs_of_xc(store, window_bytes, epochs),
            "xc, mixed": epochs_of_xc(store, window_bytes, epochs, reads=READS),
            "memmap, read ahead": epochs_of_memmap(flat, shuffle, epochs, ahead=True),
            "memmap": epochs_of_memmap(flat, shuffle, epochs, ahead=False),
            "DataLoader over rows": epoch_by_row(flat),
        },
        rounds,
    )
    epochs_of = {name: 1 if name.startswith("DataLoader") else epochs for name in seconds}
    rates = {
        name: flat.nbytes * epochs_of[name] / statistics.median(times) / 1e6
        for name, times in seconds.items()
    }
    return {
        "mb_per_s": {name: round(rate) for name, rate in rates.items()},
        "xc over memmap": round(rates["xc"] / rates["memmap"], 2),
        "xc over memmap, read ahead": round(rates["xc"] / rates["memmap, read ahead"], 2),
        "xc over DataLoader": round(rates["xc"] / rates["DataLoader over rows"], 2),
        "xc, mixed, over DataLoader": round(rates["xc, mixed"] / rates["DataLoader over rows"], 2),
        "mixing": {"whole chunks": round(apart, 3), "mixed": round(mixed, 3), "reads": reads},
    }


def measure_gather(store: ActivationStore, flat: np.ndarray, rounds: int) -> dict[str, Any]:
    """Random rows of a store that was read before, of one just opened, and of the memory map."""
    rows = np.random.default_rng(1).choice(len(flat), min(GATHERED, len(flat) // 4), replace=False)
    raw = store.activations(KEY).raw

    def anew() -> None:
        _ = ActivationStore.open(store.path).activations(KEY).raw[rows]

    seconds = interleaved(
        {
            "xc": lambda: timed(lambda: raw[rows]),
            "xc, just opened": lambda: timed(anew),
            "memmap": lambda: timed(lambda: flat[rows]),
        },
        rounds,
    )
    median = {name: statistics.median(times) for name, times in seconds.items()}
    return {
        "rows": len(rows),
        "ms": {name: round(1e3 * s, 2) for name, s in median.items()},
        "xc over memmap": round(median["xc"] / median["memmap"], 1),
        "xc, just opened, over memmap": round(median["xc, just opened"] / median["memmap"], 1),
    }


BARS = {
    "stream": {
        "xc over memmap": ">= 0.95",
        "xc over DataLoader": ">= 2.5",
        "xc, mixed, over DataLoader": ">= 2.5",
        "mixing": "mixed <= 1.05",
    },
    "gather": {"xc over memmap": "<= 20"},
    "codecs": {"fvu_median_dimension of fp8": "<= 1e-3"},
}


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Everything."""
    shard_rows = min(65536, options.rows // 2)
    rows = make_rows(options.rows)
    write_store(folder / "s.zarr", rows, "bf16", shard_rows)
    store = ActivationStore.open(folder / "s.zarr")
    flat = write_memmap(folder / "flat.bin", rows)
    time.sleep(2.5)  # files younger than that are checked at every reading
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "stream": lambda: measure_streams(store, flat, options.rounds, options.epochs),
        "gather": lambda: measure_gather(store, flat, options.rounds),
        "codecs": lambda: measure_codecs(folder, rows, shard_rows, options.rounds),
        "training": lambda: measure_training(folder, options.tokens, options.seeds),
    }
    chosen = options.only or list(parts)
    return {
        "what": f"[{options.rows}, {WIDTH}] rows with heavy tails and massive dimensions, shards "
        f"of {shard_rows} rows; MB/s count two bytes a number for every codec",
        "machine": f"{os.cpu_count()}-core {platform.machine()} CPU, shared with other work",
        "versions": {n: version(n) for n in ("torch", "zarr", "numcodecs", "numpy")},
        **{name: parts[name]() for name in chosen},
        "bars": BARS,
    }


def merged(before: dict[str, Any], result: dict[str, Any], only: list[str]) -> dict[str, Any]:
    """What was measured now among what was measured before; bars are those of now."""
    return before | {name: result[name] for name in (*only, "bars")}


def show(result: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"{result['what']}\n{result['machine']}\n")
    for name in ("stream", "gather"):
        for what, value in result.get(name, {}).items():
            bar = BARS[name].get(what)
            print(f"{name}: {what:32} {value}" + (f"   bar {bar}" if bar else ""))
    print()
    for name, of in result.get("codecs", {}).items():
        print(
            f"{name:16} {of['bytes_per_element']:6.3f} bytes/number   fvu {of['fvu']:8.2g}   "
            f"median dimension {of['fvu_median_dimension']:8.2g}   "
            f"write {of['write_mb_per_s']:5} MB/s   read {of['read_mb_per_s']:5} MB/s"
        )
    for name, of in result.get("training", {}).get("codecs", {}).items():
        print(f"{name:16} fve {of['fve']}   beside fp32 {of['difference']:+.5f}")


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=131_072)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--epochs", type=int, default=8, help="epochs of a turn of a stream")
    parser.add_argument("--tokens", type=int, default=400_000, help="rows of the embedded pair")
    parser.add_argument("--seeds", type=int, default=2, help="crosscoders per codec")
    parser.add_argument("--only", nargs="+", choices=["stream", "gather", "codecs", "training"])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options)
    show(result)
    options.out.parent.mkdir(exist_ok=True)
    if options.only and options.out.exists():
        before = json.loads(options.out.read_text(encoding="utf-8"))
        result = merged(before, result, options.only)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
