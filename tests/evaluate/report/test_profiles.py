"""The section on many sources: shown for three and more, with what summary.json holds."""

from collections.abc import Callable
from typing import Any

from xc.evaluate.report.data import read_data
from xc.evaluate.report.page import render_page
from xc.evaluate.report.profiles import profiles

FOUND = {
    "persistence_mean": 1.75, "persistence_mean_ci": [1.7, 1.8], "n_persistence_1": 10,
    "n_persistence_2": 5, "n_persistence_3": 1234, "n_present_a": 7,
    "n_present_a_ci": [5, 9], "n_persistence_3_ci": [1200, 1270], "n_peak_b": 8,
    "n_birth_10_c": 9, "n_birth_50_a": 11,
}  # fmt: skip
THREE = {"names": ("x@1", "y@1", "z@1"), "widths": (8, 8, 8), "scales": (1, 1, 1)}


def test_two_sources_have_no_profiles(make_run: Callable[..., Any]) -> None:
    made = make_run(summary=FOUND)
    assert profiles(read_data(made, run=made.run)) is None


def test_three_sources_have_a_row_each(make_run: Callable[..., Any]) -> None:
    made = make_run(**THREE, summary=FOUND)
    data = read_data(made, run=made.run)
    shown = profiles(data)
    assert shown is not None
    assert [tuple(text for text, _ in row[2]) for row in shown.rows] == [
        ("7", "–", "–", "11"), ("–", "8", "–", "–"), ("–", "–", "9", "–"),
    ]  # fmt: skip
    assert shown.rows[0][2][0] == ("7", "5 to 9")
    assert shown.persistence == ((1, ("10", "")), (2, ("5", "")), (3, ("1,234", "1,200 to 1,270")))
    assert (shown.mean, shown.bounds) == ("1.75", "1.70 to 1.80")
    page = render_page(data, (), {})
    assert "Latents across the sources" in page
    assert "1,234" in page
