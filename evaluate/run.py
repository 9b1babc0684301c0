"""`xc evaluate`: the one place of this room that opens, computes and saves."""

from xc.evaluate import artefacts
from xc.evaluate.blocks import cut_all
from xc.evaluate.checks import SPLIT, check_inputs
from xc.evaluate.class_thresholds import class_thresholds
from xc.evaluate.config import EvaluateConfig
from xc.evaluate.evaluation import Evaluation
from xc.evaluate.examples import find_examples
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import metric_totals
from xc.evaluate.groups import over_groups
from xc.evaluate.latent_table import latents_table
from xc.evaluate.metric import Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.provenance import provenance
from xc.evaluate.reader import Reader
from xc.evaluate.row_counts import RowCounts, count_rows
from xc.evaluate.scheduler import Work
from xc.evaluate.selection import select
from xc.evaluate.summary import summarise
from xc.evaluate.widths import width_note
from xc.store_schema import ActivationStore, Progress, RequestError, RunLayout, to_mapping


def evaluate(
    config: EvaluateConfig, *, run: RunLayout, store: ActivationStore, progress: Progress
) -> Evaluation:
    """Measure a trained run on the held-out rows of its store; write RUN/evaluation.

    What was evaluated before with the same inputs and settings is left alone.

    Args:
        config: settings.
        run: holds checkpoint/ and latents/.
        store: the store that the run was trained on.
        progress: told of rows read.

    Raises:
        RequestError: if run, table and store do not belong together, or no row is held out.
        NumericalError: if weights, activations or latents are not finite.
        DamageError: if stored bytes are damaged.
    """
    reader = Reader(store.path, run.root, config.tile_rows, config.keep)
    ranges = check_inputs(reader)
    counts = count_rows(reader, ranges)
    made_from = provenance(reader, ranges, counts)
    if counts.kept == 0:
        raise RequestError(
            f"{store.path}: no held-out row is left to measure ({made_from['filter']}); keep other "
            "rows, or hold out more text"
        )
    settings = to_mapping(config)
    if artefacts.is_done(run, settings, made_from):
        progress.note(f"{run.evaluation} is up to date")
        return Evaluation(run)
    if note := width_note(reader.decoder, class_thresholds(config.class_thresholds)):
        progress.note(note)
    artefacts.forget(run)
    blocks = cut_all(reader.store.blocks(SPLIT), config.block_rows)
    _measure(config, run, Work(reader, ranges, blocks, config.scheduler, progress), counts)
    artefacts.write_inputs(run, settings, made_from)
    evaluation = Evaluation(run)
    if config.report:
        from xc.evaluate.report import write_report  # noqa: PLC0415  (matplotlib imports slowly)

        write_report(evaluation, run=run)
    return evaluation


def _measure(config: EvaluateConfig, run: RunLayout, work: Work, counts: RowCounts) -> None:
    chosen = select(METRICS, config.metrics)
    metrics = (*chosen, *over_groups(chosen, counts.groups))
    reading = tuple(m for m in metrics if m.reads is not Pass.NONE)
    sums = (
        work.run(metric_totals(work.reader, reading, work.blocks), "measuring") if reading else {}
    )
    facts = Facts(
        work.reader.decoder,
        seed=config.seed,
        thresholds=class_thresholds(config.class_thresholds),
        permutations=config.permutations,
    )
    facts = finish_all(metrics, sums, facts)
    artefacts.write_table(run.latents_parquet, latents_table(METRICS, metrics, facts))
    examples = find_examples(
        work, facts, per_latent=config.examples, per_class=config.latents_per_class
    )
    artefacts.write_table(run.examples, examples)
    table = (*METRICS, *over_groups(METRICS, counts.groups))
    summary = summarise(table, metrics, sums, facts, counts=counts, resamples=config.bootstrap)
    artefacts.write_summary(run, summary)
