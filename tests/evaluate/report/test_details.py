"""Numbers for those who want more: by theme, each metric once on the page."""

from collections.abc import Callable
from typing import Any

from xc.evaluate.report.data import read_data
from xc.evaluate.report.details import THEMES, details
from xc.evaluate.report.measures import headline_metrics, scalar_metrics

FOUND = {
    "sharedness_v": 0.9, "sharedness_from_a_only": 0.01, "sharedness_from_shared": 0.8,
    "n_dead_minder": 1200, "fve_legacy_minder_a": 0.91, "l0_p95": 60,
}  # fmt: skip


def test_no_metric_stands_twice() -> None:
    below = [name for _, names in THEMES for name in names]
    assert len(set(below)) == len(below)
    assert not {m.name for m in headline_metrics()} & set(below)


def test_every_number_stands_in_a_table() -> None:
    below = {name for _, names in THEMES for name in names}
    shown = below | {m.name for m in headline_metrics()}
    assert {m.name for m in scalar_metrics()} - shown == set()


def test_tables_hold_what_has_a_number(make_run: Callable[..., Any]) -> None:
    made = make_run(summary=FOUND)
    tables = details(read_data(made, run=made.run))
    shown = {row.metric.name: row for table in tables for row in table.rows}
    assert {*FOUND, "fve_legacy_minder"} - {"fve_legacy_minder_a"} <= set(shown)
    assert [(v.of, v.text) for v in shown["n_dead_minder"].values] == [("", "1,200")]
    assert [v.text for v in shown["fve_legacy_minder"].values] == ["0.910"]
    assert shown["sharedness_from_a_only"].values[0].of == ""


def test_of_three_sources_a_side_and_its_pair_are_named(make_run: Callable[..., Any]) -> None:
    made = make_run(
        names=("x@1", "y@1", "z@1"), widths=(8, 8, 8), scales=(1, 1, 1),
        summary={"sharedness_from_c_only_b_c": 0.1, "sharedness_from_b_only_b_c": 0.2},
    )  # fmt: skip
    tables = details(read_data(made, run=made.run))
    told = {
        row.metric.name: [v.of for v in row.values if v.text != "–"]
        for table in tables
        for row in table.rows
    }
    assert told["sharedness_from_b_only"] == ["C (B–C)"]
    assert told["sharedness_from_a_only"] == ["B (B–C)"]
