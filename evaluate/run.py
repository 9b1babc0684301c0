"""`xc evaluate`: the one place of this room that opens, computes and saves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xc.evaluate import artefacts
from xc.evaluate.blocks import cut_all, default_rows
from xc.evaluate.checks import SPLIT, check_inputs
from xc.evaluate.class_thresholds import class_thresholds
from xc.evaluate.clusters import Clusters, choose_clusters, row_groups
from xc.evaluate.config import EvaluateConfig
from xc.evaluate.evaluation import Evaluation
from xc.evaluate.examples import EXAMPLES, find_examples
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.groups import over_groups
from xc.evaluate.interval_kinds import KINDS, Kind
from xc.evaluate.intervals import NO_INTERVALS, Intervals, bootstrap_intervals
from xc.evaluate.latent_table import latents_table
from xc.evaluate.measuring import STAGES, measure
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.nu_curves import nu_curves
from xc.evaluate.nulls.results import read_entries, with_nulls
from xc.evaluate.parts import largest_sums
from xc.evaluate.passes import Passes, context
from xc.evaluate.provenance import measured_by, provenance
from xc.evaluate.reader import Reader
from xc.evaluate.reductions import reductions
from xc.evaluate.repetition import repetition
from xc.evaluate.row_counts import RowCounts, count_rows
from xc.evaluate.scheduler import Work, announce
from xc.evaluate.selection import is_fuller, select
from xc.evaluate.spliced import Spliced, read_spliced
from xc.evaluate.spliced_metrics import SPLICED
from xc.evaluate.summary import summarise
from xc.evaluate.telling import one_by_one, telling
from xc.evaluate.twins import TWINS, find_twins
from xc.evaluate.widths import lengths, width_note
from xc.store_schema import ActivationStore, Progress, RequestError, RunLayout, to_mapping
from xc.store_schema.atomic import remove

_TABLE = (*METRICS, *SPLICED)
"""Everything that can be asked for."""


@dataclass(frozen=True)
class _Rows:
    """The rows that are measured."""

    counts: RowCounts
    clusters: Clusters
    per_block: int
    """Rows of a block."""
    made_from: Mapping[str, Any]
    """The object of provenance.json."""
    spliced: Spliced
    """Losses of spliced passes over their sequences."""


def evaluate(
    config: EvaluateConfig,
    *,
    run: RunLayout,
    store: ActivationStore,
    progress: Progress,
    refused: Mapping[int, str] | None = None,
) -> Evaluation:
    """Measure a trained run on the held-out rows of its store; write RUN/evaluation.

    What was evaluated before with the same inputs and settings is left alone.

    Args:
        config: settings.
        run: holds checkpoint/ and latents/.
        store: the store that the run was trained on.
        progress: told of rows read.
        refused: by number of a source, why its model could not be run with spliced activations.

    Raises:
        RequestError: if run, table and store do not belong together, or no row is held out.
        NumericalError: if activations or latents are not finite.
        SchemaError: if weights are not, or files do not hold what they should.
        DamageError: if stored bytes are damaged.
    """
    reader = Reader(store.path, run.root, config.tile_rows, config.keep)
    ranges = check_inputs(reader)
    counts = count_rows(reader, ranges)
    clusters = choose_clusters(store, counts.per_sequence, config.clusters)
    made_from = provenance(reader, ranges, counts)
    if counts.kept == 0:
        raise RequestError(
            f"{store.path}: no held-out row is left to measure ({made_from['filter']}); keep other "
            "rows, or hold out more text"
        )
    per_block = config.block_rows or _rows_of_a_block(reader)
    settings = {**to_mapping(config), "block_rows": per_block}
    chosen = select(_TABLE, config.metrics, reader.decoder.n_sources)
    spliced = read_spliced(reader, run, progress, refused=refused or {})
    told = {**made_from, **measured_by(chosen, clusters, config.intervals), "ce": spliced.told}
    if artefacts.is_done(run, settings, told):
        progress.note(f"{run.evaluation} is up to date")
        _tidy(config, run)
        return Evaluation(run)
    _note_widths(reader, config, progress)
    _note_replacement(config, run, reader.decoder.n_sources, progress)
    announce(config.scheduler, progress)
    blocks = cut_all(reader.store.blocks(SPLIT), per_block)
    work = Work(reader, ranges, blocks, config.scheduler, progress)
    if clusters.note and (config.groups or config.bootstrap):
        progress.note(clusters.note)
    rows = _Rows(counts, clusters, per_block, made_from, spliced)
    tables, summary = _measure(config, run, work, rows, chosen)
    artefacts.replace(run, tables, summary, config=settings, provenance=told)
    _tidy(config, run)
    evaluation = Evaluation(run)
    if config.report:
        from xc.evaluate.report import write_report  # noqa: PLC0415  (matplotlib imports slowly)

        write_report(evaluation, run=run)
    return evaluation


def _rows_of_a_block(reader: Reader) -> int:
    """Where nobody says how many."""
    store = reader.store
    shards = store.blocks(SPLIT)
    return default_rows(shards, shard_rows=store.shard_rows, tile_rows=reader.tile_rows)


def _note_widths(reader: Reader, config: EvaluateConfig, progress: Progress) -> None:
    widths = reader.decoder.widths
    if len(set(widths)) > 1:
        found = lengths(reader.store, reader.keys, reader.decoder)
        if note := width_note(widths, found, class_thresholds(config.class_thresholds)):
            progress.note(note)


def _note_replacement(
    config: EvaluateConfig, run: RunLayout, n_sources: int, progress: Progress
) -> None:
    """Say so where what is there is of these metrics and of others, which will be gone."""
    before = artefacts.metrics_before(run)
    if before is None or not is_fuller(_TABLE, before, config.metrics, n_sources):
        return
    again = f"`xc evaluate --metrics {','.join(before)}`" if before else "`xc evaluate`"
    kept = " from the sums that are kept" if config.keep_passes else ""
    progress.note(
        f"{run.evaluation}: this replaces the evaluation of {','.join(before) or 'all metrics'}; "
        f"{again} brings it back{kept}"
    )


def _measure(
    config: EvaluateConfig,
    run: RunLayout,
    work: Work,
    rows: _Rows,
    chosen: Sequence[Metric],
) -> tuple[Mapping[Path, pa.Table], Mapping[str, Any]]:
    """Tables by path, and the object of summary.json; nothing but sums is written."""
    counts, clusters = rows.counts, rows.clusters
    metrics = (*chosen, *over_groups(chosen, counts.groups))
    table = (*_TABLE, *over_groups(METRICS, counts.groups))
    largest = largest_sums(METRICS, work.reader.decoder.widths)
    groups = row_groups(counts.per_sequence, clusters.of_sequence, config.groups, largest=largest)
    name = context(
        work.reader,
        rows.made_from,
        groups=groups.fingerprint,
        block_rows=rows.per_block,
        stages=STAGES,
    )
    passes = Passes(run.passes / name)
    again = repetition(metrics).again
    of_groups = measure(work, passes, groups, metrics, by_group=[m.name for m in again])
    sums = {**of_groups.totals(), **rows.spliced.sums}
    known = Facts(
        work.reader.decoder,
        seed=config.seed,
        thresholds=class_thresholds(config.class_thresholds),
    )
    facts = finish_all(one_by_one(metrics, work.progress), sums, known)
    examples = find_examples(
        work, passes, facts, per_latent=config.examples, per_class=config.latents_per_class
    )
    kind = KINDS[config.intervals]
    twins = find_twins(
        work,
        passes,
        facts,
        cosine=config.twin_cosine,
        groups=groups,
        others=kind.choices(metrics, of_groups, facts) if config.groups else None,
        intervals=kind.of_twins,
    )
    means = bootstrap_intervals(
        metrics,
        sums,
        facts,
        resamples=config.bootstrap,
        clusters=clusters.of_sequence,
        few=kind.few,
    )
    others = _others(work, kind, metrics, of_groups, facts) if config.groups else NO_INTERVALS
    summary = summarise(table, metrics, facts, counts=counts, intervals=means | others)
    summary = rows.spliced.explained(summary)
    summary = with_nulls(twins.added_to(summary), read_entries(run), keep=config.keep)
    every = reductions(m for m in table if m.reads is not Pass.NONE)
    passes.forget_others(every, kinds=(EXAMPLES, TWINS))
    tables = {
        run.latents_parquet: latents_table(table, metrics, facts),
        run.examples: examples,
        run.nu_curves: nu_curves(facts),
        run.twins: twins.table,
    }
    return tables, summary


def _others(
    work: Work, kind: Kind, metrics: Sequence[Metric], of_groups: GroupSums, facts: Facts
) -> Intervals:
    most = kind.most(repetition(metrics), of_groups)
    with telling(of_groups, work.progress, most) as groups:
        return kind.intervals(metrics, groups, facts)


def _tidy(config: EvaluateConfig, run: RunLayout) -> None:
    if not config.keep_passes:
        remove(run.passes)
