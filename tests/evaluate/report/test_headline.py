from collections.abc import Callable
from typing import Any

from xc.evaluate.report.data import read_data
from xc.evaluate.report.headline import CARDS, cards, headline_rows
from xc.evaluate.report.headline import rows_of as values_of
from xc.evaluate.report.measures import HEADINGS, scalar_metrics
from xc.evaluate.spliced_metrics import SPLICED


def rows_of(evaluation: Any) -> dict[str, Any]:
    rows = headline_rows(read_data(evaluation, run=evaluation.run))
    return {row.metric.name: row for row in rows}


def test_every_heading_belongs_to_a_metric() -> None:
    names = {metric.name for metric in scalar_metrics()}
    assert names | {metric.name for metric in SPLICED} >= set(HEADINGS)
    assert names >= set(CARDS)


def test_values_by_source_with_intervals(make_run: Callable[..., Any]) -> None:
    row = rows_of(make_run())["fve"]
    assert [(v.of, v.text, v.interval) for v in row.values] == [
        ("A", "0.871", "0.866 to 0.876"),
        ("B", "0.854", "0.849 to 0.876"),
    ]


def test_values_by_pair(make_run: Callable[..., Any]) -> None:
    three = make_run(names=("x@1", "y@1", "z@1"), widths=(8, 8, 8), scales=(1, 1, 1))
    assert [(v.of, v.text) for v in rows_of(three)["sharedness"].values] == [("A–B", "0.942")]


def test_measures_without_a_value_have_no_row(make_run: Callable[..., Any]) -> None:
    assert rows_of(make_run(nulls=True)) == {}


def test_cards_are_the_rows_that_exist(make_run: Callable[..., Any]) -> None:
    evaluation = make_run(summary={"alignment_adjusted": None})
    rows = headline_rows(read_data(evaluation, run=evaluation.run))
    assert [c.metric.name for c in cards(rows)] == [n for n in CARDS if n != "alignment_adjusted"]


def test_keys_are_those_of_the_summary(make_run: Callable[..., Any]) -> None:
    made = make_run(summary={"n_a_only_nu_below": 3})
    (metric,) = [m for m in scalar_metrics() if m.name == "n_a_only_nu_below"]
    assert [row.key for row in values_of([metric], read_data(made, run=made.run))] == [
        "n_a_only_nu_below"
    ]
    assert rows_of(made)["fve"].key == "fve"
    three = make_run(
        names=("x@1", "y@1", "z@1"), widths=(8, 8, 8), scales=(1, 1, 1),
        summary={"n_b_only_nu_below_b_c": 3},
    )  # fmt: skip
    (row,) = values_of([metric], read_data(three, run=three.run))
    assert row.key == "n_a_only_nu_below_a_b, …"


def test_an_interval_that_is_null_is_empty(make_run: Callable[..., Any]) -> None:
    row = rows_of(make_run(summary={"l0_ci": None}))["l0"]
    assert [(v.text, v.interval) for v in row.values] == [("31.9", "")]
