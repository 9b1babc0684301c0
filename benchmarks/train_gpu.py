"""Training step on a CUDA device: dense and sparse pass, at two sizes, and whether data keep up.

    python benchmarks/train_gpu.py [--rounds 3] [--steps 30] [--quick] [--device cuda:1]

BatchTopK, batch 4096, k = 100: 16,384 latents over two sources of 768, and 73,728 over two of
2,304. Rows are planted: each is the sum of k decoder rows of the start, with noise, so that few
latents stand out as they do in a trained crosscoder. Each contender is built anew in every round,
warmed up, and timed step by step: dead-latent bookkeeping, clipping, fused Adam and θ included.
`tf32` is what torch.set_float32_matmul_precision("high") makes of the products; `sparse` is what a
run takes, its product bounded in bfloat16, and `sparse float32` the same without.

Shares of the bf16 peak are of products that are really computed, over what a large bf16 product
reaches on the card in the same run. The share of time waiting for data compares steps on batches of
`xc train`'s stream, out of a store on disk that is read in windows, with steps on one batch that
stays on the card. Writes benchmarks/results/train_gpu.json with the card's name. `--device cpu
--quick` goes through it once and writes nothing.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xc.store_schema import ActivationStore, CheckpointSource, Source, StorePlan, StoreWriter
from xc.train import Crosscoder, ShuffledStream, StreamPosition, TrainConfig
from xc.train.forward import dense
from xc.train.initial import initialise
from xc.train.normalisation import prepare
from xc.train.passes import selecting_pass
from xc.train.schedules import schedule_of
from xc.train.state import TrainState, new_state
from xc.train.step import Settings, take_step

RESULT = Path(__file__).parent / "results" / "train_gpu.json"
WARM_UP = 10
"""Steps that compile kernels, fill torch's caches, and bring θ near its place."""
BATCHES = 4
"""Batches that stay on the device and take turns."""
STORED = 32
"""Batches in the store."""
WINDOWS = 4
"""Windows that the store is read in, one ahead of the other."""


@dataclass(frozen=True)
class Size:
    """What is trained."""

    d_sae: int
    widths: tuple[int, ...]
    k: int = 100
    batch: int = 4096

    def flops(self, way: str) -> float:
        """Of the matrix products of a step: five dense ones, or one and four over kept pairs."""
        width, each = sum(self.widths), 2 * self.batch * sum(self.widths)
        if way == MATMUL:
            return each * self.d_sae
        of_decoder = self.k if way.startswith("sparse") else self.d_sae
        return 2.0 * self.batch * width * (self.d_sae + 4 * of_decoder)


SIZES = (Size(16384, (768, 768)), Size(73728, (2304, 2304)))
QUICK = (Size(512, (24, 40), k=4, batch=64),)
MATMUL = "one encoder matmul"
WAYS = ("dense float32", "dense tf32", "sparse float32", "sparse", MATMUL)
RATIOS = (
    ("sparse", "dense float32"), ("sparse", "dense tf32"), ("sparse float32", "dense float32"),
    ("sparse", MATMUL),
)  # fmt: skip


@contextmanager
def products(way: str) -> Iterator[None]:
    """Matrix products as a contender is named."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if way.endswith("tf32") else "highest")
    narrow = sys.modules.get("xc.train.gpu.narrow")  # not there without Triton
    narrows = narrow.narrows if narrow else None
    if narrow and way.endswith("float32"):
        narrow.narrows = lambda *_: False  # type: ignore[attr-defined]
    yield
    if narrow:
        narrow.narrows = narrows  # type: ignore[attr-defined]
    torch.set_float32_matmul_precision(before)


class Runner:
    """A run of `xc train` before its first step, on the device."""

    def __init__(self, size: Size, way: str, device: torch.device) -> None:
        values = {"d_sae": size.d_sae, "k": size.k, "tokens": 10**8, "dead_after_tokens": 10**7}
        config = TrainConfig.resolve({"sparsity": "batch_topk", **values})
        sources = [
            CheckpointSource(f"m{i}@1", f"m{i}", None, 1, "residual", width)
            for i, width in enumerate(size.widths)
        ]
        cc = Crosscoder(sources, size.d_sae, activation_fn={"name": "batch_topk", "k": size.k})
        cc.to(device)
        initialise(cc, norm=0.08, same=False, generator=torch.Generator().manual_seed(0))
        sparse = selecting_pass(device, d_sae=size.d_sae, k=size.k)
        forward: Any = sparse if way.startswith("sparse") else dense
        self.state: TrainState = new_state(cc, schedule_of(config, lr=1e-4), torch.Generator())
        self.settings = Settings.of(config, forward=forward, widths=cc.widths)
        self.device = device

    @torch.no_grad()
    def planted(self, n: int, k: int, seed: int) -> torch.Tensor:
        """Rows [n, width of all sources] out of k decoder rows each, with noise."""
        W_dec, on = self.state.crosscoder.W_dec, self.device
        seeded = torch.Generator(on).manual_seed(seed)
        rows = torch.randn(n, W_dec.shape[1], generator=seeded, device=on)
        for _ in range(k):
            latent = torch.randint(len(W_dec), (n,), generator=seeded, device=on)
            height = 0.5 + torch.rand(n, 1, generator=seeded, device=on)
            rows.addcmul_(height, W_dec[latent], value=(rows.shape[1] / k) ** 0.5 / 0.08)
        return rows

    def take(self, x: torch.Tensor) -> float:
        """Active latents per token."""
        return take_step(self.state, x, self.settings).active / len(x)


class Matmul(Runner):
    """One product of the batch with the encoder."""

    def take(self, x: torch.Tensor) -> float:
        """Nothing is active."""
        return 0.0 * len(self.state.crosscoder.pre_activations(x))


def wait(device: torch.device) -> None:
    """Until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """From an idle device to an idle device."""
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def repeat(work: Callable[[], object], times: int) -> None:
    """Do it several times."""
    for _ in range(times):
        work()


def peak_memory(device: torch.device, *, reset: bool = False) -> float | None:
    """GiB of tensors at the worst moment since the last reset; None on a CPU."""
    if device.type != "cuda":
        return None
    if reset:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    return round(torch.cuda.max_memory_allocated(device) / 2**30, 2)


def bf16_peak(device: torch.device, side: int) -> float:
    """FLOP/s of a large product of bfloat16."""
    a, b = (torch.randn(side, side, device=device).bfloat16() for _ in range(2))
    times = [seconds(lambda: a @ b, device) for _ in range(20)]
    return 2 * side**3 / statistics.median(times[5:])


def once(size: Size, way: str, device: torch.device, steps: int) -> dict[str, Any]:
    """Seconds of each step of a contender that is built for it, and what else is told of it."""
    peak_memory(device, reset=True)
    runner = (Matmul if way == MATMUL else Runner)(size, way, device)
    xs = [runner.planted(size.batch, size.k, seed) for seed in range(BATCHES)]
    times, active = [], 0.0
    with products(way):
        for i in range(WARM_UP + steps):
            wait(device)
            start = time.perf_counter()
            active = runner.take(xs[i % BATCHES])
            wait(device)
            times.append(time.perf_counter() - start)
    return {"times": times[WARM_UP:], "active": active, "memory": peak_memory(device)}


def measure(size: Size, device: torch.device, args: argparse.Namespace) -> dict[str, Any]:
    """All contenders, one after the other in each round."""
    peak = bf16_peak(device, 256 if args.quick else 8192)
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    failed = {}
    for _ in range(args.rounds):
        for way in WAYS:
            try:
                found[way].append(once(size, way, device, args.steps))
            except torch.OutOfMemoryError:
                failed[way] = "out of memory"
    shown = {way: of_way(size, way, runs, peak) for way, runs in found.items() if runs}
    rates = {way: of["tokens_per_s"] for way, of in shown.items()}
    return {
        **asdict(size),
        "sparse_pass": selecting_pass(device, d_sae=size.d_sae, k=size.k).__module__,
        "bf16_matmul_tflops": round(peak / 1e12, 1),
        "ways": shown,
        "failed": failed,
        "ratios": {
            f"{a} / {b}": round(rates[a] / rates[b], 2)
            for a, b in RATIOS
            if a in rates and b in rates
        },
        "stream": measure_stream(size, device, args),
    }


def of_way(size: Size, way: str, runs: list[dict[str, Any]], peak: float) -> dict[str, Any]:
    """The figures of a contender."""
    each = statistics.median([t for run in runs for t in run["times"]])
    return {
        "ms": round(1e3 * each, 3),
        "tokens_per_s": round(size.batch / each),
        "share_of_bf16_peak": round(size.flops(way) / each / peak, 4),
        "peak_memory_gib": runs[-1]["memory"],
        "active_latents_per_token": round(runs[-1]["active"], 1),
    }


def make_store(path: Path, blocks: Iterator[torch.Tensor], n: int, size: Size) -> ActivationStore:
    """A store of n blocks of rows, each [batch, width of all sources], in bfloat16."""
    rows = n * size.batch
    plan = StorePlan(
        token_ids=np.ones(rows, dtype=np.int32), token_offsets=np.arange(0, rows + 1, size.batch),
        document=np.arange(n), split=np.zeros(n, dtype=np.uint8),
        keep=np.ones(rows, dtype=bool), vocabulary=[b"a", b"b"], corpus={}, tokenizer={},
        filter={}, config={},
    )  # fmt: skip
    writer = StoreWriter.create(path, plan)
    keys = tuple(f"m{i}@1" for i in range(len(size.widths)))
    sources = [
        Source(key, f"m{i}", None, 1, "residual", f"m{i}", width, "float32", "0")
        for i, (key, width) in enumerate(zip(keys, size.widths, strict=True))
    ]
    writer.add_sources(sources, codec="bf16", tuples=[keys])
    joined = torch.split(torch.cat([block.cpu() for block in blocks]), list(size.widths), dim=1)
    for key, x in zip(keys, joined, strict=True):
        for shard in writer.missing(key):
            writer.write_shard(key, shard, x[slice(*writer.shard_range(shard))].numpy())
    writer.seal()
    return ActivationStore.open(path)


def measure_stream(size: Size, device: torch.device, args: argparse.Namespace) -> dict[str, Any]:
    """Tokens/s of the sparse pass on batches of a stream, and on one batch that stays."""
    runner = Runner(size, "sparse", device)
    blocks = (runner.planted(size.batch, size.k, seed) for seed in range(STORED))
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "s.zarr", blocks, STORED, size)
        window = STORED * size.batch * 2 * sum(size.widths) // WINDOWS
        with ShuffledStream(
            store, store.tuples[0], seed=0, window_bytes=window, batch=size.batch,
            pinned=device.type == "cuda",
        ) as stream:  # fmt: skip
            stay = Resident(stream, runner, size)
            for _ in range(WARM_UP):
                stay.streamed()
            ways = {"streamed": stay.streamed, "resident": stay.resident}
            times: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(args.rounds):
                for name, way in ways.items():
                    spent = seconds(partial(repeat, way, args.steps), device)
                    times[name].append(spent / args.steps)
    each = {name: statistics.median(t) for name, t in times.items()}
    rates = {f"{name}_tokens_per_s": round(size.batch / t) for name, t in each.items()}
    waiting = max(0.0, 1 - each["resident"] / each["streamed"])
    return {**rates, "share_of_time_waiting": round(waiting, 4), "bar": 0.02}


class Resident:
    """Steps on a stream's batches, or on the last one again."""

    def __init__(self, stream: ShuffledStream, runner: Runner, size: Size) -> None:
        self.stream, self.runner, self.size = stream, runner, size
        self.position = StreamPosition()
        self.last: torch.Tensor | None = None

    def streamed(self) -> None:
        """One step on the rows that come next."""
        batch, self.position = self.stream.batch(self.position, self.size.batch)
        self.last = prepare(self.runner.state.crosscoder, batch.parts)
        self.runner.take(self.last)

    def resident(self) -> None:
        """One step on rows that are on the device."""
        if self.last is not None:
            self.runner.take(self.last)


def machine(device: torch.device) -> dict[str, Any]:
    """The machine in general terms, and the card's name."""
    try:
        triton: str | None = version("triton")
    except PackageNotFoundError:
        triton = None
    there = device.type == "cuda"
    card = torch.cuda.get_device_properties(device) if there else None
    return {
        "card": card.name if card else None,
        "memory_gib": round(card.total_memory / 2**30, 1) if card else None,
        "capability": ".".join(map(str, torch.cuda.get_device_capability(device)))
        if card
        else None,
        "cuda": torch.version.cuda,
        "torch": torch.__version__,
        "triton": triton,
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
    }


def show(results: dict[str, Any]) -> None:
    """Print the tables."""
    for size in results["steps"]:
        print(
            f"\nd_sae {size['d_sae']}, {sum(size['widths'])} wide: a step of {size['batch']} tokens"
        )
        print(f"  {'':22s}{'ms':>10s}{'tokens/s':>12s}{'of bf16':>9s}{'GiB':>8s}{'active':>8s}")
        for way, of in size["ways"].items():
            print(
                f"  {way:22s}{of['ms']:10.2f}{of['tokens_per_s']:12,d}"
                f"{of['share_of_bf16_peak']:9.1%}{of['peak_memory_gib'] or 0:8.1f}"
                f"{of['active_latents_per_token']:8.1f}"
            )
        for what, ratio in {**size["ratios"], **size["failed"]}.items():
            print(f"  {what}: {ratio}")
        stream = size["stream"]
        print(
            f"  out of a store {stream['streamed_tokens_per_s']:,} tokens/s, "
            f"{stream['share_of_time_waiting']:.1%} of the time waiting for data"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="a small size, nothing is written")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    device = torch.device(args.device)
    trial = device.type == "cpu" and args.quick
    if not trial and not (device.type == "cuda" and torch.cuda.is_available()):
        print(
            "no CUDA device here, which train_gpu needs; benchmarks/train.py is for CPUs",
            file=sys.stderr,
        )
        return 2
    if trial:
        args.rounds, args.steps = 1, 3
    results = {
        "benchmark": "train_gpu",
        "machine": machine(device),
        "shape": {"k": SIZES[0].k, "batch": SIZES[0].batch, "dtype": "float32"},
        "rounds": args.rounds,
        "steps_per_round": args.steps,
        "steps": [measure(size, device, args) for size in (QUICK if args.quick else SIZES)],
    }
    show(results)
    if args.quick:
        return 0
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
