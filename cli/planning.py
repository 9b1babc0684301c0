"""`xc plan` and `xc harvest --dry-run`: what a pipeline will take, before it runs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xc.cli.harvesting import HarvestRequest, harvest_request
from xc.cli.pipeline_file import Pipeline
from xc.harvest.machine import free_space, taken_memory
from xc.harvest.planning import HarvestPlan, plan_harvest
from xc.harvest.probe import beside
from xc.store_schema import ActivationStore, Progress, RequestError, RunLayout, from_mapping
from xc.store_schema.byte_sizes import size_text
from xc.store_schema.derived import width_of

if TYPE_CHECKING:  # a plan of a harvest needs neither trainer nor evaluator
    from xc.cli.plan_training import StagePlan
    from xc.train import TrainConfig


@dataclass(frozen=True)
class Plan:
    """What was found out."""

    harvest: HarvestPlan
    stages: "tuple[StagePlan, ...]"
    """Training and evaluating, if they are part of it."""
    problem: str | None
    """Why it cannot run; None if it can."""
    run: Path | None = None
    """Where training and evaluating write."""

    @property
    def bytes(self) -> int:
        """On disk, in all."""
        return self.harvest.need.bytes + sum(stage.bytes for stage in self.stages)

    @property
    def memory(self) -> int:
        """Peak over the stages."""
        return max(self.harvest.need.memory, *(stage.memory for stage in self.stages), 0)

    @property
    def seconds(self) -> float | None:
        """In all; None unless all was measured."""
        found = [self.harvest.seconds, *(stage.seconds for stage in self.stages)]
        return None if None in found else sum(s for s in found if s is not None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        need = self.harvest.need
        return {
            "harvest": {
                **asdict(need),
                "bytes": need.bytes,
                "sources": [{**asdict(s), "bytes": s.bytes} for s in need.sources],
                "seconds": self.harvest.seconds,
                "notes": list(self.harvest.notes),
            },
            **{
                stage.name: {
                    "bytes": stage.bytes,
                    "memory": stage.memory,
                    "seconds": stage.seconds,
                    **stage.details,
                }
                for stage in self.stages
            },
            "bytes": self.bytes,
            "memory": self.memory,
            "seconds": self.seconds,
            "fits": self.problem is None,
            "problem": self.problem,
        }


def make_plan(
    pipeline: Pipeline,
    flags: Mapping[str, Any],
    *,
    models: Sequence[str] | None,
    probe: bool,
    whole: bool,
    progress: Progress,
    typed: str = "harvest",
) -> Plan:
    """Plan a harvest, or the whole pipeline.

    Args:
        pipeline: the file.
        flags: of the harvest.
        models: of the command line; none: those of the file.
        probe: whether to run some batches and steps for the time.
        whole: whether training and evaluating are part of it.
        progress: told what goes on.
        typed: the command, for messages.

    Raises:
        RequestError: if the request is wrong.
    """
    request = harvest_request(pipeline, flags, models, typed=typed)
    with beside(request.config.store) as folder:
        harvest = plan_harvest(
            request.config,
            models=request.models,
            harvest=request.run,
            probe_store=folder if probe else None,
            progress=progress,
        )
        stages = _later(pipeline, request, harvest, folder, progress) if whole else ()
    problem = harvest.problem or _no_room(pipeline.run, harvest, stages)
    forced = request.config.force
    return Plan(harvest, stages, None if forced else problem, pipeline.run if whole else None)


def refuse(plan: Plan) -> None:
    """End with the reason if what was planned cannot run.

    Raises:
        RequestError: that is the reason.
    """
    if plan.problem is not None:
        raise RequestError(plan.problem)


def _later(
    pipeline: Pipeline,
    request: HarvestRequest,
    harvest: HarvestPlan,
    folder: Path,
    progress: Progress,
) -> "tuple[StagePlan, ...]":
    from xc.cli import plan_splicing, plan_sweep, plan_training  # noqa: PLC0415  (not for a harvest)
    from xc.cli.evaluate_options import EvaluateOptions  # noqa: PLC0415
    from xc.cli.sweeping import sweep_configs  # noqa: PLC0415

    configs = sweep_configs(pipeline)
    options = from_mapping(
        EvaluateOptions, pipeline.section("evaluate", {}), where=pipeline.where("evaluate")
    )
    evaluation = options.evaluation()
    stored = {source.key: source.d_model for source in harvest.need.sources}

    def widths_of(config: "TrainConfig") -> list[int]:
        asked = [width_of(key, stored) for key in config.sources]
        known = [width for width in asked if width is not None]
        return known or [stored[key] for key in harvest.tuples[0]]

    rows = round(harvest.need.rows * request.config.heldout_fraction)
    times, splicing, run = None, None, folder.with_name("run")
    spliced = options.wants_ce(len(widths_of(configs[0])))
    if store := _complete(folder):
        progress.note("taking some steps of training, and evaluating them …")
        times = plan_training.measure(configs[0], evaluation, store, run)
    if store and times and spliced:
        progress.note("running the models with reconstructions spliced in …")
        splicing = plan_splicing.measure(
            options, pipeline, run=RunLayout(run), store=store, progress=progress
        )
    taken = taken_memory()
    trained = plan_sweep.plan_sweep(
        configs, widths_of, rows=rows, store_rows=harvest.need.rows, taken=taken, times=times
    )
    evaluated = plan_training.plan_evaluation(
        evaluation,
        max(plan_training.size_of(c, widths_of(c)) for c in configs),
        max((widths_of(c) for c in configs), key=sum),
        rows=rows,
        threads=os.cpu_count() or 1,
        taken=taken,
        times=times,
    )
    evaluated = plan_splicing.with_splicing(evaluated, splicing) if spliced else evaluated
    return trained, plan_sweep.repeated(evaluated, len(configs))


def _complete(store: Path) -> ActivationStore | None:
    """The probe's store, if the probe came to its end."""
    if not store.exists():
        return None
    opened = ActivationStore.open(store, allow_incomplete=True)
    return opened if opened.complete else None


def _no_room(run: Path, harvest: HarvestPlan, stages: "Sequence[StagePlan]") -> str | None:
    """Whether the run's folder has no room for what comes after the harvest."""
    needed = sum(stage.bytes for stage in stages)
    free = free_space(run)
    if free is not None and harvest.need.free == free:  # the same disk, as far as can be told
        free -= harvest.need.bytes
    if not needed or free is None or needed <= free:
        return None
    return (
        f"{run} needs {size_text(needed)}, but {size_text(max(free, 0))} are left there after the "
        "harvest; take another --run, fewer latents, or fewer --tokens"
    )
