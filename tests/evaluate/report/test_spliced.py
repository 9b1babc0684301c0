"""Losses of spliced passes on the page: numbers, intervals, and how the splice was made."""

from collections.abc import Callable
from html import unescape
from typing import Any

from xc.evaluate.report.data import read_data
from xc.evaluate.report.page import render_page
from xc.evaluate.report.spliced import FACTS, precisions

NUMBERS = {
    "ce_clean_a": 2.2192, "ce_spliced_a": 2.5422, "ce_zero_a": 10.1712, "ce_delta_a": 0.3231,
    "ce_delta_a_ci": [0.2974, 0.3513], "ce_recovered_a": 0.9594, "ce_replaced_a": 0.9961,
}  # fmt: skip


def page_of(make_run: Callable[..., Any], summary: dict[str, Any]) -> str:
    evaluation = make_run(summary=summary)
    return unescape(render_page(read_data(evaluation, run=evaluation.run), (), {}))


def test_it_shows_numbers_and_both_conventions(make_run: Callable[..., Any]) -> None:
    page = page_of(make_run, NUMBERS)
    section = page.partition('<section id="spliced"')[2].partition("</section>")[0]
    assert all(fact in section for fact in FACTS)
    for shown in ("Loss recovered", "0.959", "0.297 to 0.351", "99.61 %", "CE_zero − CE_clean"):
        assert shown in section
    assert 'href="#spliced"' in page


def test_it_tells_the_precision_of_the_models() -> None:
    full, low = ({"precision": {"dtype": dtype}} for dtype in ("float32", "bfloat16"))
    assert list(precisions({"ce": {"a": full, "b": full}})) == ["The models ran in float32."]
    (mixed,) = precisions({"ce": {"a": full, "b": low}})
    assert "(A: float32; B: bfloat16)" in mixed
    (before,) = precisions({"ce": {"a": "0123456789abcdef"}})
    assert "unknown" in before
    assert list(precisions({})) == []


def test_where_no_model_was_run_there_is_no_section(make_run: Callable[..., Any]) -> None:
    page = page_of(make_run, {})
    assert "spliced-title" not in page
    assert "#spliced" not in page
    assert FACTS[1] not in page
