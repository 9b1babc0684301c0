"""The section on twins: with twins, with many, with none, and with more than two sources."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xc.evaluate.report.data import ReportData, read_data
from xc.evaluate.report.page import render_page
from xc.evaluate.report.twins import MOST, twin_section


def row(i: int, *, method: str = "hungarian", apart: float | None = 0.1) -> dict[str, Any]:
    return {
        "sources": "a_b", "latent_a": i, "latent_b": 1000 + i, "method": method,
        "cosine": 0.9 + i / 1000, "divergence_07_03": apart, "high_07_03": 40 + i,
        "divergence_04_01": apart, "high_04_01": 80,
    }  # fmt: skip


def made(make_run: Callable[..., Any], rows: list[dict[str, Any]], **wish: Any) -> ReportData:
    run = make_run(**wish)
    return replace(read_data(run, run=run.run), twins=tuple(rows))


def test_the_most_similar_come_first(make_run: Callable[..., Any]) -> None:
    rows = [row(i, apart=i / 10) for i in range(3)]
    rows += [row(i, method="false", apart=0.9) for i in range(3)] + [row(0, method="greedy")]
    section = twin_section(made(make_run, rows))
    assert section is not None
    assert section.count == "3"
    assert section.left_out == 0
    assert section.rows[0] == ("2 · 1002", "0.902", "0.200", "0.200", "42")
    assert section.medians[0] == ("above 0.7, at most 0.3", "0.100", "0.900")
    assert section.medians[1][0] == "above 0.4, at most 0.1"


def test_many_are_cut_short(make_run: Callable[..., Any]) -> None:
    section = twin_section(made(make_run, [row(i) for i in range(MOST + 5)]))
    assert section is not None
    assert (len(section.rows), section.left_out) == (MOST, 5)


def test_what_is_never_high_has_no_number(make_run: Callable[..., Any]) -> None:
    section = twin_section(made(make_run, [row(0, apart=None)]))
    assert section is not None
    assert section.rows[0][2] == "–"
    assert section.medians[0][1:] == ("–", "–")


def test_of_more_sources_the_two_are_named(make_run: Callable[..., Any]) -> None:
    names = ("x@1", "y@1", "z@1")
    wish = {"names": names, "widths": (8, 8, 8), "scales": (1.0, 1.0, 1.0)}
    section = twin_section(made(make_run, [{**row(0), "sources": "b_c"}], **wish))
    assert section is not None
    assert section.rows[0][0] == "B 0 · C 1000"


def test_the_page_has_the_section_only_with_twins(make_run: Callable[..., Any]) -> None:
    page = render_page(made(make_run, [row(0), row(1)]), (), {})
    assert 'id="twins"' in page
    assert 'href="#twins"' in page
    assert twin_section(made(make_run, [])) is None
    assert 'id="twins"' not in render_page(made(make_run, []), (), {})


def test_both_ways_to_pair_are_counted_with_intervals(make_run: Callable[..., Any]) -> None:
    told = {"n_twins": 12, "n_twins_ci": [9, 15], "n_twins_greedy": 11}
    data = made(make_run, [row(0)], summary=told)
    section = twin_section(data)
    assert section is not None
    assert section.counts == (
        ("best in sum (Hungarian)", "12", "9 to 15"),
        ("most similar first (greedy)", "11", "–"),
    )
    page = render_page(data, (), {})
    assert all(text in page for text in ("9 to 15", "most similar first (greedy)"))


def test_twins_of_more_sources_are_counted_pair_by_pair(make_run: Callable[..., Any]) -> None:
    names = ("x@1", "y@1", "z@1")
    told = {"n_twins_a_c": 3, "n_twins_greedy_b_c": 2, "n_twins_greedy_b_c_ci": [1, 4]}
    wish = {"names": names, "widths": (8, 8, 8), "scales": (1.0, 1.0, 1.0), "summary": told}
    section = twin_section(made(make_run, [{**row(0), "sources": "b_c"}], **wish))
    assert section is not None
    counts = {words: (count, bounds) for words, count, bounds in section.counts}
    assert len(counts) == 6
    assert counts["A–C, best in sum (Hungarian)"] == ("3", "–")
    assert counts["B–C, most similar first (greedy)"] == ("2", "1 to 4")
