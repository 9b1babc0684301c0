"""The table by role and part of the corpus: from keys of summary.json."""

from collections.abc import Callable
from typing import Any

from xc.evaluate.report.breakdown import breakdown, heads
from xc.evaluate.report.data import ReportData, read_data

KEYS = {
    "rows": 1300, "rows_role_user": 1000, "rows_corpus_org-web": 300,
    "fve_a_role_user": 0.9, "fve_a_role_user_ci": [0.89, 0.91], "fve_b_role_user": 0.8,
    "l0_role_user": 12.25, "cosine_reconstruction_a_role_user": 0.95,
    "fve_a_corpus_org-web": None, "fve_b_corpus_org-web": 0.5,
}  # fmt: skip


def data_of(evaluation: Any) -> ReportData:
    return read_data(evaluation, run=evaluation.run)


def test_every_group_has_its_row(make_run: Callable[..., Any]) -> None:
    data = data_of(make_run(summary=KEYS))
    user, web = breakdown(data)
    assert (user.kind, user.name, user.rows) == ("role", "user", "1,000")
    assert [c.text for c in user.cells] == ["0.900", "0.800", "0.950", "–", "12.2"]
    assert user.cells[0].interval == "0.890 to 0.910"
    assert (web.kind, web.name) == ("part of the corpus", "org-web")
    assert [c.text for c in web.cells] == ["–", "0.500", "–", "–", "–"]
    assert len(heads(data)) == len(user.cells)


def test_without_groups_there_is_no_table(make_run: Callable[..., Any]) -> None:
    assert breakdown(data_of(make_run(summary={"rows": 5, "sinks_a": 2}))) == ()
