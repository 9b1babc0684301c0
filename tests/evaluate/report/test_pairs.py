"""The section on pairs: a row for each two of more than two sources, a column for each measure."""

from collections.abc import Callable
from typing import Any

from xc.evaluate.report.data import read_data
from xc.evaluate.report.page import render_page
from xc.evaluate.report.pairs import pair_table

THREE = {"names": ("x@1", "y@1", "z@1"), "widths": (8, 8, 8), "scales": (1, 1, 1)}
FOUND = {
    "sharedness_a_b": 0.91, "sharedness_a_c": 0.92, "sharedness_b_c": None,
    "sharedness_a_c_ci": [0.9, 0.94], "alignment_b_c": 0.5, "n_shared_a_b": 1234,
    "n_shared_a_b_ci": [1200, 1260], "n_a_only_a_c": 3, "n_b_only_b_c": 4, "n_c_only_b_c": 5,
    "cosine_shared_median_a_b": None,
    "not_measured": {"sharedness_b_c": "nothing fires", "n_a_only_a_c_ci": "steady"},
}  # fmt: skip


def test_one_and_two_sources_have_no_pairs(make_run: Callable[..., Any]) -> None:
    one = {"names": ("x@1",), "widths": (8,), "scales": (1.0,)}
    for wish in ({}, one):
        made = make_run(**wish)
        data = read_data(made, run=made.run)
        assert pair_table(data) is None
        assert 'id="pairs"' not in render_page(data, (), {})


def test_each_pair_has_a_row_with_numbers_intervals_and_reasons(
    make_run: Callable[..., Any],
) -> None:
    made = make_run(**THREE, summary=FOUND)
    data = read_data(made, run=made.run)
    table = pair_table(data)
    assert table is not None
    titles = [title for title, _ in table.heads]
    assert titles == [
        "Sharedness", "Alignment", "Alignment above chance", "Shared latents", "First only",
        "Second only",
    ]  # fmt: skip
    cells = {row.title: dict(zip(titles, row.cells, strict=True)) for row in table.rows}
    assert list(cells) == ["A–B", "A–C", "B–C"]
    told = {pair: {t: (c.text, c.interval) for t, c in row.items()} for pair, row in cells.items()}
    assert told["A–C"]["Sharedness"] == ("0.920", "0.900 to 0.940")
    assert told["A–B"]["Shared latents"] == ("1,234", "1,200 to 1,260")
    assert told["B–C"]["Alignment"] == ("0.500", "")
    assert [told["B–C"][t][0] for t in ("First only", "Second only")] == ["4", "5"]
    assert cells["B–C"]["Sharedness"].text == "–"
    assert cells["B–C"]["Sharedness"].why == "nothing fires"
    assert cells["A–C"]["First only"].why == "steady"
    page = render_page(data, (), {})
    assert 'id="pairs"' in page
    assert 'href="#pairs"' in page
    assert "1,200 to 1,260" in page


def test_where_no_pair_was_measured_nothing_is_shown(make_run: Callable[..., Any]) -> None:
    made = make_run(**THREE, nulls=True)
    assert pair_table(read_data(made, run=made.run)) is None
