"""An addition to the table is complete: documented, bounded, in order, in the output, listed."""

from importlib.resources import files

import pytest

from xc.evaluate import METRICS, Evaluation
from xc.evaluate.metric import Metric, Pass, add, no_sums
from xc.evaluate.naming import names
from xc.evaluate.sequence_sums import merge

each = pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)


@each
def test_is_documented(metric: Metric) -> None:
    for text in (metric.summary, metric.formula, metric.meaning, metric.misleads):
        assert len(text) > 10
        assert text.endswith(".")
        assert "\n" not in text
    assert metric.undefined
    assert not metric.undefined.endswith(".")


@each
def test_is_bounded(metric: Metric) -> None:
    low, high = metric.bounds
    assert low < high


@each
def test_reads_what_it_says(metric: Metric) -> None:
    assert (metric.partial is no_sums) == (metric.reads is Pass.NONE)
    assert (metric.statistic is not None) == (metric.combine is merge)
    assert metric.reads is not Pass.NONE or metric.combine is add


@each
def test_stands_behind_what_it_needs(metric: Metric) -> None:
    earlier = [m.name for m in METRICS[: METRICS.index(metric)]]
    assert set(metric.needs) <= set(earlier)


@each
def test_appears_in_the_output(metric: Metric, evaluation: Evaluation) -> None:
    columns = evaluation.latents.to_arrow().column_names
    there = columns if metric.scope.is_column else list(evaluation.summary)
    for name in names(metric, 2):
        assert name in there
        if metric.statistic is not None:
            assert f"{name}_ci" in there


def test_names_and_outputs_are_distinct() -> None:
    for n_sources in (1, 2, 3):
        outputs = [name for m in METRICS for name in names(m, n_sources)]
        assert len(set(outputs)) == len(outputs)
    assert len({m.name for m in METRICS}) == len(METRICS)


def test_every_file_of_the_folder_is_listed() -> None:
    folder = files("xc.evaluate.metrics")
    stems = {f.name.removesuffix(".py") for f in folder.iterdir() if f.name.endswith(".py")}
    homes = {m.finish.__module__.rpartition(".")[2] for m in METRICS}
    assert homes == stems - {"__init__"}
