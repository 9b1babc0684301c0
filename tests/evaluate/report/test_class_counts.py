import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xc.evaluate.class_thresholds import EXCLUSIVE, KISSANE
from xc.evaluate.report.class_counts import count_classes
from xc.evaluate.report.class_evidence import class_evidence
from xc.evaluate.report.classes import class_meaning
from xc.evaluate.report.data import read_data
from xc.evaluate.report.page import render_page


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


def row_of(page: str, title: str) -> list[str]:
    """Texts of the cells of a class's row in its section."""
    section = page.partition('id="classes"')[2].partition("</section>")[0]
    (row,) = (r for r in re.findall(r"<tr>.*?</tr>", section, re.DOTALL) if f"{title}</th>" in r)
    return [re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]


def test_counts_stand_beside_their_intervals_and_what_is_false(
    make_run: Callable[..., Any],
) -> None:
    told = {"n_shared_ci": [371, 380], "fdr_a_only": 0.052, "fdr_a_only_ci": [0.01, 0.113]}
    why = {"n_b_only_ci": "no group changes it", "fdr_shared": "needs a null control"}
    made = make_run(summary={**told, "not_measured": why})
    data = read_data(made, run=made.run)
    page = render_page(data, (), {})
    shared, mine = row_of(page, "shared"), row_of(page, "A only")
    assert shared[1:3] == [f"{made.summary['n_shared']:,}", "371 to 380"]
    assert shared[3] == "run xc null RUN --kind permuted"
    assert mine[3] == "5.20 % 1.00 to 11.30 % by A against A"
    assert row_of(page, "B only")[2] == "–"
    assert row_of(page, "other")[3] == row_of(page, "dead")[3] == ""
    beside = class_evidence(data, ("shared", "b_only", "dead"))
    assert beside["b_only"].why == "no group changes it"
    assert beside["shared"].false is not None
    assert beside["shared"].false.why == "needs a null control"
    assert beside["dead"].false is None


def test_a_control_that_tells_nothing_of_a_class_is_not_asked_for_again(
    make_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "xc.evaluate.report.class_evidence.fitting"
    monkeypatch.setattr(where, lambda summary, nulls: {"identical": {}})
    made = make_run(summary={"not_measured": {"fdr_b_only": "no latent is b_only"}})
    page = render_page(read_data(made, run=made.run), (), {})
    assert row_of(page, "B only")[3] == "–"
    assert 'title="no latent is b_only"' in page
    assert row_of(page, "shared")[3] == "run xc null RUN --kind permuted"


def test_what_is_false_is_not_asked_of_three_sources(make_run: Callable[..., Any]) -> None:
    made = make_run(names=("x@1", "y@1", "z@1"), widths=(8, 8, 8), scales=(1, 1, 1))
    data = read_data(made, run=made.run)
    assert {e.false for e in class_evidence(data, ("shared", "a_only")).values()} == {None}
    page = render_page(data, (), {})
    assert "Estimated false" not in page
    assert "for two sources only" in page
