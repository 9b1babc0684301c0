from collections.abc import Callable
from typing import Any

import numpy as np

from xc.evaluate.class_thresholds import EXCLUSIVE, KISSANE
from xc.evaluate.report.class_counts import count_classes
from xc.evaluate.report.classes import class_meaning
from xc.evaluate.report.data import read_data


def test_counts_are_those_of_the_table(make_run: Callable[..., Any]) -> None:
    evaluation = make_run()
    data = read_data(evaluation, run=evaluation.run)
    classes = {entry.name: entry for entry in count_classes(data)}
    assert list(classes) == ["shared", "a_only", "b_only", "other", "dead"]
    assert sum(entry.count for entry in classes.values()) == 600
    assert classes["shared"].count == evaluation.summary["n_shared"]
    np.testing.assert_allclose(sum(entry.share for entry in classes.values()), 1)


def test_equal_scales_leave_the_folded_counts_alone(make_run: Callable[..., Any]) -> None:
    evaluation = make_run(scales=(1.3, 1.3))
    entries = count_classes(read_data(evaluation, run=evaluation.run))
    delta = evaluation.latents.table.column("delta_norm").to_numpy()
    alive = np.array(evaluation.latents.table.column("class").to_pylist()) != "dead"
    by_name = {entry.name: entry for entry in entries}
    assert by_name["dead"].folded == by_name["dead"].count
    assert by_name["a_only"].folded == int(((delta < EXCLUSIVE) & alive).sum())


def test_three_sources_have_three_classes_of_their_own(make_run: Callable[..., Any]) -> None:
    evaluation = make_run(names=("x@1", "y@1", "z@1"), widths=(8, 8, 8), scales=(1, 1, 1))
    entries = count_classes(read_data(evaluation, run=evaluation.run))
    names = [entry.name for entry in entries]
    assert names == ["shared", "a_only", "b_only", "c_only", "other", "dead"]
    assert all(entry.count for entry in entries)
    assert all(entry.folded is None for entry in entries)


def test_unequal_widths_are_counted_per_dimension_too(make_run: Callable[..., Any]) -> None:
    made = make_run(widths=(128, 64), summary={"n_shared_rms": 321, "n_other_rms": 4})
    by_name = {c.name: c for c in count_classes(read_data(made, run=made.run))}
    assert by_name["shared"].per_dimension == 321
    assert by_name["dead"].per_dimension == by_name["dead"].count
    equal = make_run(summary={"n_shared_rms": 321})
    assert {c.per_dimension for c in count_classes(read_data(equal, run=equal.run))} == {None}


def test_meanings_follow_the_thresholds() -> None:
    assert "less than a fifth" in class_meaning("shared")
    assert "below a fifth of that in A" in class_meaning("a_only")
    assert "57.1 %" in class_meaning("shared", KISSANE)
    assert "no cut" in class_meaning("b_only", KISSANE)
