"""`xc null`: crosscoders trained where nothing, or only what was planted, is there to be found.

Each control is an ordinary run under RUN/nulls, trained with the run's own settings and evaluated;
what they come to stands in RUN/evaluation/nulls.json. What is done stays done, and what was
interrupted goes on.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xc.cli.blame import configured
from xc.cli.null_checks import check_controls
from xc.cli.null_config import NullConfig
from xc.cli.null_folders import claim, identity
from xc.cli.null_planted import planted_config, planted_world, variance, with_penalty
from xc.cli.null_subject import Subject, open_subject
from xc.cli.pipeline_file import Pipeline
from xc.evaluate import EvaluateConfig, Evaluation, evaluate
from xc.evaluate.artefacts import write_summary, write_table
from xc.evaluate.nulls.assessment import assess
from xc.evaluate.nulls.command import ASKED, OPTIONS
from xc.evaluate.nulls.conditions import (
    EVALUATED,
    IDENTICAL,
    PERMUTED,
    PLANTED,
    SEEDS,
    conditions,
)
from xc.evaluate.nulls.permuted_store import permuted_keys, write_permuted
from xc.evaluate.nulls.planted import Planted, draw, write_rows
from xc.evaluate.nulls.reproduced import Dictionary, fractions, reproduce, table
from xc.evaluate.nulls.results import read_entries, with_nulls, write_entry
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    Progress,
    RunLayout,
    XcError,
    from_mapping,
    to_mapping,
)
from xc.store_schema.places import Place
from xc.store_schema.verify_nulls import runs_of_controls
from xc.train import TrainConfig, train

METRICS = ("class", "l0", "fve", "fve_pooled", "sharedness", "alignment", "alignment_adjusted",
           "n_shared", "n_a_only", "n_b_only", "n_other", "n_dead", "norm", "rel_norm", "cosine",
           "frequency")  # fmt: skip
"""What is measured of a control: what is set beside the run, and what its figures show."""
MEASURED = ("n_shared", "n_a_only", "n_b_only", "n_other", "n_dead", "l0", "fve_a", "fve_b", "fve",
            "sharedness", "alignment", "alignment_adjusted")  # fmt: skip
"""Keys of a control's summary.json that nulls.json repeats."""

Values = dict[str, Any]

ENTRY = 4
"""Version of what an entry of nulls.json holds; older ones are made anew, from runs that stay."""


@dataclass(frozen=True)
class Work:
    """What the making of a control needs."""

    subject: Subject
    asked: NullConfig
    scheduler: str
    progress: Progress

    def folder(self, kind: str) -> Path:
        """Where a control lies."""
        return self.subject.run.nulls / kind

    @property
    def evaluated(self) -> Values:
        """How the run was evaluated, and with it every control."""
        return {**self.subject.how_evaluated, **conditions(self.subject.evaluation.summary)}

    def run(
        self, config: TrainConfig, store: ActivationStore, folder: Path, **how_evaluated: Any
    ) -> Evaluation:
        """Train and evaluate an ordinary run, as the subject was evaluated or as told."""
        run = RunLayout(folder)
        train(config, store=store, run=run, progress=self.progress)
        how = EvaluateConfig(
            metrics=METRICS, scheduler=self.scheduler, bootstrap=0, groups=0, examples=0,
            keep_passes=False, report=False, **{**self.subject.how_evaluated, **how_evaluated},
        )  # fmt: skip
        return evaluate(how, run=run, store=store, progress=self.progress)


def run_nulls(
    pipeline: Pipeline,
    flags: Mapping[str, Any],
    *,
    store: str | Place | None,
    run: Path,
    progress: Progress,
    tell: Callable[[Evaluation], None],
) -> None:
    """Make the controls that are asked for and not done yet, and put them into the evaluation.

    Each is put there when it is done, whatever becomes of those after it.

    Args:
        pipeline: the file.
        flags: of the command line.
        store: the store, if it has moved.
        run: whose controls are made.
        progress: told of each.
        tell: called with the evaluation at the end; after a failure too, if one was done before.

    Raises:
        RequestError: if the request is wrong, or the run is none that they can be made of.
    """
    asked = configured(NullConfig, pipeline, "null", flags)
    subject = open_subject(run, store=store, device=asked.device, tokens=asked.tokens)
    told = {k: v for k, v in pipeline.section("evaluate", {}).items() if k == "scheduler"}
    settings = from_mapping(EvaluateConfig, told, where=pipeline.where("evaluate"))
    work = Work(subject, asked, settings.scheduler, progress)
    _renew(subject)  # of controls that an earlier call was killed behind
    check_controls(subject, asked)
    done: list[str] = []
    try:
        for kind in asked.kind:
            _make(kind, work)
            _renew(subject)
            done.append(kind)
    except XcError as error:
        if done:
            error.add_note(f"done and kept: {', '.join(done)}")
            _report(subject.run)
            tell(Evaluation(subject.run))
        raise
    _report(subject.run)
    tell(Evaluation(subject.run))


def _make(kind: str, work: Work) -> None:
    recipe = {"kind": kind, "version": 1, **RECIPES[kind](work)}
    seeds = work.asked.seeds if kind == SEEDS else None
    made_from = identity(ENTRY, recipe, seeds, work.evaluated)
    done = read_entries(work.subject.run).get(kind, {})
    if done.get("made_from") == made_from:
        work.progress.note(f"null control {kind}: done before")
        return
    work.progress.note(f"null control {kind}: {WHAT[kind]}")
    claim(work.folder(kind), recipe)
    told = {EVALUATED: work.evaluated, ASKED: _asked(kind, work.asked), "made_from": made_from}
    entry = {**MAKERS[kind](work), **told}
    write_entry(work.subject.run, kind, entry)


def _asked(kind: str, asked: NullConfig) -> Values:
    """What was asked of a control, where it is not what is made unasked."""
    given = {name: getattr(asked, name) for name in OPTIONS[kind]}
    return {name: value for name, value in given.items() if value != getattr(NullConfig, name)}


def _renew(subject: Subject) -> None:
    """Put what the controls say into summary.json."""
    summary, entries = subject.evaluation.summary, read_entries(subject.run)
    told = with_nulls(summary, entries, keep=subject.how_evaluated.get("keep"))
    write_summary(subject.run, told)


def _report(run: RunLayout) -> None:
    """Renew the report, if there is one, and give one to each control that has none, for it to
    lead to."""
    if not run.report.is_file():
        return
    from xc.evaluate.report import write_report  # noqa: PLC0415  (matplotlib imports slowly)

    for control in map(RunLayout, runs_of_controls(run)):
        # Evaluated anew, a control loses its report: one that is there is of its evaluation.
        if control.provenance.is_file() and not control.report.is_file():
            write_report(Evaluation(control), run=control)
    write_report(Evaluation(run), run=run)


def _recipe(work: Work) -> Values:
    """What every control of real rows is made from."""
    left = ("device", "resume", "track", "preset")
    config = {k: v for k, v in to_mapping(work.subject.config).items() if k not in left}
    return {"train": config, "store": work.subject.store.fingerprint_of(work.subject.keys)}


def _permuted_recipe(work: Work) -> Values:
    return {**_recipe(work), "rows": work.asked.rows, "seed": work.asked.seed}


def _planted_recipe(work: Work) -> Values:
    return {**_recipe(work), "seed": work.asked.seed, "tokens": work.asked.tokens}


def _identical(work: Work) -> Values:
    a = work.subject.keys[0]
    config = replace(work.subject.config, sources=(a, a))
    done = work.run(config, work.subject.store, work.folder(IDENTICAL) / "run")
    return {**_measured(done), **_trained(work, done)}


def _permuted(work: Work) -> Values:
    config, folder = work.subject.config, work.folder(PERMUTED)
    store = write_permuted(
        work.subject.store, work.subject.keys, folder / "store.zarr",
        row_filter=config.row_filter, rows=work.asked.rows, seed=work.asked.seed,
        progress=work.progress,
    )  # fmt: skip
    config = replace(config, sources=permuted_keys(work.subject.keys), window_mb=None)
    done = work.run(config, store, folder / "run")
    return {**_measured(done), **_trained(work, done), "rows": store.n_rows}


def _seeds(work: Work) -> Values:
    config, folder = work.subject.config, work.folder(SEEDS)
    first = _dictionary(work.subject.checkpoint, work.subject.evaluation)
    found, told = {}, Values()
    for seed in range(config.seed + 1, config.seed + 1 + work.asked.seeds):
        order = config.shuffle_seed + seed - config.seed
        other = replace(config, seed=seed, shuffle_seed=order)
        done = work.run(other, work.subject.store, folder / f"seed={seed}")
        dictionary = _dictionary(Checkpoint.load(done.run.checkpoint), done)
        found[seed] = reproduce(first, dictionary, np.random.default_rng(seed))
        told |= {f"{k}_seed_{seed}": v for k, v in _measured(done).items()}
        told |= _trained(work, done)
    work.subject.run.reproduced.parent.mkdir(parents=True, exist_ok=True)
    write_table(work.subject.run.reproduced, table(first, found))
    return {"seeds": list(found), **fractions(first, list(found.values())), **told}


def _planted(work: Work) -> Values:
    subject, folder = work.subject, work.folder(PLANTED)
    widths = [source.d_model for source in subject.checkpoint.sources]
    world = planted_world(subject.config, widths)
    found: Values = {}
    for name, planted_here in (("planted", world), ("none", world.null)):
        truth, rows = draw(planted_here, seed=work.asked.seed)
        store = write_rows(folder / f"{name}.zarr", rows, go_on=True)
        config = planted_config(subject.config, widths, world, tokens=work.asked.tokens)
        config = with_penalty(
            config, subject.config, l0=subject.evaluation.summary.get("l0") or 0.0,
            of_run=variance(subject.store, subject.config), of_planted=variance(store, config),
        )  # fmt: skip
        # Planted rows have no roles and are of no part: all of them are measured.
        done = work.run(config, store, folder / f"run_{name}", keep=())
        found |= _assessed(done, truth, "" if name == "planted" else "none_")
    return {**found, "widths": list(world.widths), "directions": list(world.numbers)}


def _assessed(done: Evaluation, truth: Planted, prefix: str) -> Values:
    found = asdict(assess(Checkpoint.load(done.run.checkpoint), done, truth))
    kinds = {f"{k}_{kind}": v for k in ("recall", "false") for kind, v in found.pop(k).items()}
    return {f"{prefix}{k}": v for k, v in {**found, **kinds}.items()}


def _measured(done: Evaluation) -> Values:
    return {key: done.summary[key] for key in MEASURED}


def _trained(work: Work, done: Evaluation) -> Values:
    """Tokens that a control and its run were trained on."""
    return {"tokens": _tokens(done.run), "tokens_of_run": _tokens(work.subject.run)}


def _tokens(run: RunLayout) -> int | None:
    """As stream.json tells, which runs of older versions lack."""
    if not run.stream.is_file():
        return None
    return int(json.loads(run.stream.read_text(encoding="utf-8"))["tokens"])


def _dictionary(checkpoint: Checkpoint, done: Evaluation) -> Dictionary:
    a, b = checkpoint.W_dec
    return Dictionary(np.asarray(done.latents.column("class"), dtype=np.str_), (a, b))


RECIPES: dict[str, Callable[[Work], Values]] = {
    IDENTICAL: _recipe,
    PERMUTED: _permuted_recipe,
    SEEDS: _recipe,
    PLANTED: _planted_recipe,
}
MAKERS: dict[str, Callable[[Work], Values]] = {
    IDENTICAL: _identical,
    PERMUTED: _permuted,
    SEEDS: _seeds,
    PLANTED: _planted,
}
WHAT = {
    IDENTICAL: "A against itself, where nothing is exclusive",
    PERMUTED: "A against B with its rows in another order, where nothing is shared",
    SEEDS: "the same from other seeds, to see what is found again",
    PLANTED: "planted directions, of which the truth is known",
}
