"""How long running the models for ce_* will take: watched on the probe's store, by source.

Their memory is not counted: that of the harvest, which runs them up to a depth, is in the plan.
"""

import time
from dataclasses import dataclass, replace

from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.pipeline_file import Pipeline
from xc.cli.plan_training import StagePlan
from xc.cli.splicing import measure_spliced
from xc.harvest.probe import TimeUp, Watch
from xc.store_schema import ActivationStore, Progress, RequestError, RunLayout

SECONDS = 60.0
"""That one source may take of a probe, at least two batches."""


@dataclass(frozen=True)
class SplicingTimes:
    """What a probe measured."""

    rows: tuple[float, ...]
    """Held-out rows a second, of each source that can be run."""
    fixed: float
    """Seconds that do not grow with the rows: models are loaded."""


def measure(
    options: EvaluateOptions,
    pipeline: Pipeline,
    *,
    run: RunLayout,
    store: ActivationStore,
    progress: Progress,
) -> SplicingTimes | None:
    """Run the models over a small store; None if one takes too long, or none can be run.

    Args:
        options: of the evaluation.
        pipeline: tells how the models were harvested.
        run: trained on the store; sums are left there.
        store: the probe's.
        progress: told why none can be run.
    """
    watch = Watch(time.perf_counter, seconds=SECONDS)
    began = time.perf_counter()
    try:
        measure_spliced(options, pipeline, run=run, store=store, progress=watch)
    except TimeUp:
        return None
    except RequestError as error:
        progress.note(f"ce_* will not be measured: {error}")
        return None
    whole = time.perf_counter() - began
    taken = [(bar.units, bar.ended - bar.began) for bar in watch.bars if bar.ended and bar.seen]
    rates = tuple(units / max(seconds, 1e-9) for units, seconds in taken)
    return SplicingTimes(rates, max(0.0, whole - sum(seconds for _, seconds in taken)))


def with_splicing(plan: StagePlan, times: SplicingTimes | None) -> StagePlan:
    """An evaluation that runs the models first; without times of these there are none of it."""
    if times is None:
        return replace(plan, seconds=None)
    rows = plan.details["heldout_rows"]
    running = sum(rows / rate for rate in times.rows) + times.fixed
    details = {**plan.details, "spliced_sources": len(times.rows)}
    seconds = None if plan.seconds is None else plan.seconds + running
    return replace(plan, seconds=seconds, details=details)
