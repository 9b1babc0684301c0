"""Every metric's own words are on the page, whatever was measured, and no others in their place."""

from collections.abc import Callable
from typing import Any

import pytest

from xc.evaluate.metrics import METRICS
from xc.evaluate.report import FIGURES
from xc.evaluate.report.column_metrics import metrics_of_columns
from xc.evaluate.report.data import ReportData, read_data
from xc.evaluate.report.latent_columns import heads
from xc.evaluate.report.medians import medians
from xc.evaluate.report.page import render_page
from xc.evaluate.report.prose import prose

TWO = {"names": ("x@1", "y@1"), "widths": (8, 8), "scales": (1, 1)}
THREE = {"names": ("x@1", "y@1", "z@1"), "widths": (8, 8, 8), "scales": (1, 1, 1)}
ONE = {"names": ("x@1",), "widths": (8,), "scales": (1.0,)}


def data_of(make_run: Callable[..., Any], **wish: Any) -> ReportData:
    made = make_run(**wish)
    return read_data(made, run=made.run)


@pytest.mark.parametrize("wish", [TWO, THREE], ids=["two", "three"])
def test_every_metric_is_explained_in_its_own_words(
    make_run: Callable[..., Any], wish: dict[str, Any]
) -> None:
    page = render_page(data_of(make_run, **wish), FIGURES, {})
    for metric in METRICS:
        for words in ("summary", "formula", "source", "meaning", "misleads"):
            assert prose(getattr(metric, words)) in page, (metric.name, words)


def test_what_stands_beside_its_number_is_not_said_again(make_run: Callable[..., Any]) -> None:
    page = render_page(data_of(make_run, **TWO), FIGURES, {})
    for name in ("sharedness", "fve"):
        (metric,) = (m for m in METRICS if m.name == name)
        assert page.count(prose(metric.misleads)) == 1


def test_a_source_alone_is_told_of_nothing_that_compares(make_run: Callable[..., Any]) -> None:
    page = render_page(data_of(make_run, **ONE), FIGURES, {})
    assert prose(metrics_of_columns(1)["frequency"].misleads) in page
    assert prose(metrics_of_columns(2)["delta_norm"].misleads) not in page


@pytest.mark.parametrize("wish", [TWO, THREE], ids=["two", "three"])
def test_hints_above_latents_are_those_of_the_metrics(
    make_run: Callable[..., Any], wish: dict[str, Any]
) -> None:
    data = data_of(make_run, **wish)
    columns = metrics_of_columns(len(data.sources))
    shown = heads(data, "a_only")
    assert {"frequency", "norm_c" if wish is THREE else "nu_error_mirror"} <= {
        head.column for head in shown
    }
    for head in shown:
        metric = columns[head.column]
        assert head.hint == metric.summary
        assert head.explanation == f"{metric.summary} {metric.meaning} {metric.misleads}"


def test_medians_are_those_of_the_living_by_class(make_run: Callable[..., Any]) -> None:
    made = make_run()
    table = made.latents.to_arrow().to_pandas()
    shown = medians(read_data(made, run=made.run))
    assert shown.heads == ("shared", "A only", "B only", "other")
    told = dict(shown.rows)
    assert {"nu_error", "nu_reconstruction_mirror", "norm_folded_b"} <= set(told)
    for column in ("frequency", "delta_norm"):
        by_class = table.groupby("class")[column].median()
        expected = [by_class[kind] for kind in ("shared", "a_only", "b_only", "other")]
        assert [float(text) for text in told[column]] == pytest.approx(expected, rel=1e-3)
