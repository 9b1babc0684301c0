"""What training and evaluating will take: sizes by arithmetic, time by watching the stages.

A few real steps and a real, small evaluation run on the store of the harvest's probe, under the
real configuration otherwise.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xc.cli.plan_fused import fused_bytes
from xc.evaluate import EvaluateConfig, evaluate
from xc.harvest.probe import Bar, TimeUp, Watch
from xc.store_schema import ActivationStore, LatentTable, RunLayout
from xc.store_schema.derived import width_of
from xc.store_schema.places import sizes
from xc.train import TrainConfig, train
from xc.train.settle import DEFAULT_EXPANSION
from xc.train.window_size import default_window_mb

STEPS = 12
"""Training steps of a probe."""

SECONDS = 30.0
"""That training may take of it."""

_STATES = 2
"""Saved states that are kept."""
_FLOAT = 4
_STORED = 2
"""Bytes of a number in a window of shuffled rows, as stored by default."""
_ENTRY_BYTES = 7.0
"""Of a latent that fired on a row, in the latent table: a row, a latent, an activation."""
_REPORT_BYTES = 12_000_000
_THREAD_TILES = 6
"""Copies of a tile of rows that an evaluating thread holds at a time."""


@dataclass(frozen=True)
class StagePlan:
    """What a stage takes."""

    name: str
    """train or evaluate."""
    bytes: int
    """Written and kept."""
    memory: int
    """Peak of main memory, or of the GPU's for training on one."""
    seconds: float | None
    """Time; None if it was not measured."""
    details: dict[str, int]
    """Whence the bytes come."""


@dataclass(frozen=True)
class Times:
    """What a probe measured."""

    step: float
    """Seconds of a training step."""
    validation: float
    """Seconds of a validation, or of saving: the last step's more than another."""
    encoded: float
    """Held-out rows that are encoded in a second."""
    entry_bytes: float
    """Bytes of an entry of the latent table."""
    evaluated: float
    """Held-out rows that are measured in a second."""
    evaluation_fixed: float
    """Seconds of an evaluation that do not grow with the rows."""
    evaluation_bytes: int
    """Bytes that an evaluation leaves."""


def plan_training(
    config: TrainConfig,
    widths: Sequence[int],
    *,
    rows: int,
    store_rows: int,
    taken: int,
    times: Times | None,
) -> StagePlan:
    """Bytes, memory and time of a training run.

    Args:
        config: resolved.
        widths: of its sources.
        rows: held-out rows of the store.
        store_rows: all of them.
        taken: memory that the libraries take.
        times: by a probe, if there was one.
    """
    weights = weight_bytes(config, widths)
    adam = 2 * weights
    entries = config.k if config.sparsity in ("batch_topk", "topk") else 2 * config.k
    if config.code_norm == "decoupled":  # at most: each source keeps k latents of its own
        entries *= len(widths)
    table = round(rows * entries * (times.entry_bytes if times else _ENTRY_BYTES))
    details = {
        "checkpoint": weights,
        "states": _STATES * (weights + adam),
        "latent_table": table,
        "heldout_rows": rows,
        "d_sae": size_of(config, widths),
        "tokens": config.steps * config.batch_size,
    }
    memory = memory_of([config], [widths], store_rows=store_rows - rows, taken=taken)
    seconds = None
    if times is not None:
        pauses = config.steps / config.validate_every + config.steps / config.save_every
        seconds = config.steps * times.step + pauses * times.validation + rows / times.encoded
    written = details["checkpoint"] + details["states"] + table
    return StagePlan("train", written, memory, seconds, details)


def memory_of(
    configs: Sequence[TrainConfig],
    widths: Sequence[Sequence[int]],
    *,
    store_rows: int,
    taken: int,
) -> int:
    """Peak of main memory of runs side by side on one stream.

    Each has its weights, their gradients, the moments of Adam, and what the fused step keeps. The
    rows in memory are there once, the held-out ones once for each normalisation, and one run takes
    a step at a time.

    Args:
        configs: resolved.
        widths: of the sources of each.
        store_rows: train rows of the store.
        taken: memory that the libraries take.
    """
    weights = sum(weight_bytes(c, w) for c, w in zip(configs, widths, strict=True))
    fused = sum(fused_bytes(c, size_of(c, w), w) for c, w in zip(configs, widths, strict=True))
    step = max(
        c.batch_size * (6 * size_of(c, w) + 8 * sum(w)) * _FLOAT
        for c, w in zip(configs, widths, strict=True)
    )
    width = sum(widths[0])
    stored = _STORED * width * store_rows
    window = (configs[0].window_mb or default_window_mb(stored)) * 2**20
    windows = stored if window >= stored else 2 * window
    slices = {(c.normalisation, c.centre, c.validation_rows) for c in configs}
    kept = sum(n for _, _, n in slices) * width * _FLOAT
    return taken + 4 * weights + fused + step + windows + kept


def plan_evaluation(
    config: EvaluateConfig,
    d_sae: int,
    widths: Sequence[int],
    *,
    rows: int,
    threads: int,
    taken: int,
    times: Times | None,
) -> StagePlan:
    """The same of an evaluation; sizes of its tables grow with the latents, not with the rows."""
    tile = config.tile_rows * (sum(widths) + d_sae) * _FLOAT
    decoder = 3 * d_sae * sum(widths) * 8
    seconds = None
    if times is not None:
        seconds = rows / times.evaluated + times.evaluation_fixed
    left = times.evaluation_bytes if times else _REPORT_BYTES
    memory = taken + decoder + threads * _THREAD_TILES * tile
    return StagePlan("evaluate", left, memory, seconds, {"heldout_rows": rows})


def size_of(config: TrainConfig, widths: Sequence[int]) -> int:
    """Latents, as training will settle them."""
    factor = config.expansion_factor or DEFAULT_EXPANSION
    return config.d_sae or max(1, round(factor * max(widths)))


def weight_bytes(config: TrainConfig, widths: Sequence[int]) -> int:
    """Bytes of a crosscoder: encoders, decoders and biases in float32."""
    d_sae = size_of(config, widths)
    return _FLOAT * (2 * sum(widths) * d_sae + d_sae + sum(widths))


def measure(
    config: TrainConfig, evaluation: EvaluateConfig, store: ActivationStore, folder: Path
) -> Times | None:
    """Train some steps on a small store and evaluate them; None if a step takes too long."""
    run = RunLayout(folder)
    watch = Watch(time.perf_counter, seconds=SECONDS)
    try:
        train(_short(config, store), store=store, run=run, progress=watch)
    except TimeUp:
        return None
    steps, encoding = watch.bar("train"), watch.bar("encode")
    if steps is None or encoding is None or len(steps.seen) < 3 or encoding.ended is None:
        return None
    moments = [moment for moment, _ in steps.seen]
    pace = (moments[-2] - moments[0]) / (len(moments) - 2)
    entries = _entries(run)
    encoded = encoding.units / max(encoding.ended - encoding.began, 1e-9)
    began = time.perf_counter()
    cold = over_rows(_evaluation_watched(evaluation, run, store))
    whole = time.perf_counter() - began
    # The first rows wait for imports and memory, longer than few rows take: these are timed anew.
    shutil.rmtree(run.evaluation)
    warm = over_rows(_evaluation_watched(evaluation, run, store))
    return Times(
        step=pace,
        validation=max(0.0, moments[-1] - moments[-2] - pace),
        encoded=encoded,
        entry_bytes=entries,
        evaluated=warm.rows / max(warm.seconds, 1e-9),
        evaluation_fixed=max(0.0, whole - cold.seconds),
        evaluation_bytes=sum(sizes(run.evaluation).values()),
    )


@dataclass(frozen=True)
class OverRows:
    """The part of an evaluation that grows with the rows."""

    rows: int
    seconds: float


def over_rows(bars: Sequence[Bar]) -> OverRows:
    """Bars that count rows, added up; what is counted otherwise takes as long over few rows."""
    bars = [bar for bar in bars if bar.unit == "rows" and bar.seen]
    rows = max((bar.units for bar in bars), default=1)
    return OverRows(rows, sum(bar.seen[-1][0] - bar.began for bar in bars))


def _evaluation_watched(
    config: EvaluateConfig, run: RunLayout, store: ActivationStore
) -> Sequence[Bar]:
    seen = Watch(time.perf_counter, seconds=float("inf"))
    evaluate(config, run=run, store=store, progress=seen)
    return seen.bars


def _short(config: TrainConfig, store: ActivationStore) -> TrainConfig:
    """Some steps, with the batch, the width and everything else that they cost as asked for."""
    stored = {source.key: source.d_model for source in store.sources}
    known = all(width_of(key, stored) is not None for key in config.sources)
    sources = config.sources if known else ()
    return replace(
        config, tokens=STEPS * config.batch_size, sources=sources, until_fve=None, keep=(),
        resume=True,
    )  # fmt: skip


def _entries(run: RunLayout) -> float:
    n = LatentTable.open(run.latents).n_entries
    return sum(sizes(run.latents).values()) / n if n else _ENTRY_BYTES


def as_json(plan: StagePlan) -> dict[str, object]:
    """Plain values."""
    return {
        "bytes": plan.bytes,
        "memory": plan.memory,
        "seconds": plan.seconds,
        **plan.details,
    }
