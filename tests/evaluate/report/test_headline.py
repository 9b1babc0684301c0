from collections.abc import Callable
from typing import Any

from xc.evaluate.report.data import read_data
from xc.evaluate.report.headline import CARDS, cards, headline_rows
from xc.evaluate.report.measures import HEADINGS, scalar_metrics


def rows_of(evaluation: Any) -> dict[str, Any]:
    rows = headline_rows(read_data(evaluation, run=evaluation.run))
    return {row.metric.name: row for row in rows}


def test_every_heading_belongs_to_a_metric() -> None:
    names = {metric.name for metric in scalar_metrics()}
    assert names >= set(HEADINGS)
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
