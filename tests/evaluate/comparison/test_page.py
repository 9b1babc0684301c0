"""The page of a comparison: every number in its run's column, settings in a table of their own."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from compared import SETTINGS, copied

from xc.evaluate import Evaluation
from xc.evaluate.comparison import Comparison, compare, comparison_page
from xc.evaluate.comparison.settings import setting_texts
from xc.evaluate.comparison.shading import shade
from xc.evaluate.report.numbers import interval, number
from xc.evaluate.report.sources import NamedSource

HOSTILE = "<script>alert(1)<"


class Tables(HTMLParser):
    """Tables of a page, by class: rows of cells, each with its text and its style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[list[tuple[str, str]]]]] = []
        self._cell: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        match tag:
            case "table":
                self.found.append((told.get("class", ""), []))
            case "tr":
                self.found[-1][1].append([])
            case "th" | "td":
                self._cell, self._style = [], told.get("style", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self._cell is not None:
            self.found[-1][1][-1].append((" ".join(self._cell), self._style))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None and data.strip():
            self._cell.append(data.strip())


@pytest.fixture
def found(evaluation: Evaluation, tmp_path: Path) -> Comparison:
    trains = {"one": {"k": 4, "lr": 0.0026127890589687235}, HOSTILE: {"k": 8, "lr": 1e-05}}
    return compare(
        [copied(evaluation, tmp_path / n, train={**SETTINGS, **t}) for n, t in trains.items()]
    )


def test_numbers_stand_in_the_column_of_their_run(found: Comparison) -> None:
    tables = Tables(comparison_page(found)).found
    numbers, _ = (rows for kind, rows in tables if kind == "across")
    assert [text for text, _ in numbers[0]] == ["Measure", "one", HOSTILE]
    for column, (head, *cells) in zip(found.columns, numbers[1:], strict=True):
        assert head[0].endswith(column.plain)
        for entry, (text, style) in zip(found.entries, cells, strict=True):
            cell = found.cell(entry, column)
            bounds = interval(cell.bounds, column.style)
            assert text.split(" ≠ ")[0] == f"{number(cell.value, column.style)} {bounds}".strip()
            assert style == (f"background:{shade(cell.value)}" if column.shaded else "")


def test_settings_that_differ_have_a_table_and_all_others_a_line(found: Comparison) -> None:
    page = comparison_page(found)
    _, settings = (rows for kind, rows in Tables(page).found if kind == "across")
    assert {head: texts for head, *texts in ([t for t, _ in row] for row in settings[1:])} == {
        name: setting_texts(values) for name, values in found.settings.items()
    }
    assert {row[0][0] for row in settings[1:]} == {"k", "lr"}
    assert "0.0026127890589687235" not in page.replace('data-v="0.0026127890589687235"', "")
    assert "The same in all runs (2)" in page
    assert "<code>seed</code>" in page


def test_every_run_has_its_own_shade_by_pair_and_layer(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    runs = [
        copied(evaluation, tmp_path / name, sharedness=value, alignment=None)
        for name, value in (("one", 0.1), ("two", 0.9))
    ]
    page = comparison_page(compare(runs))
    for value in (0.1, 0.9):
        assert f'class="place" style="background:{shade(value)}"' in page
    alone = comparison_page(compare(runs[:1]))
    assert "<title>Comparison of 1 crosscoder</title>" in alone


def test_cells_by_pair_and_layer_have_intervals_and_marks(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    l0 = evaluation.summary["l0"]
    numbers = {
        "one": {"sharedness": 0.1, "sharedness_ci": [0.05, 0.2]},
        "two": {"sharedness": 0.9, "sharedness_ci": [0.8, 0.95], "l0": 2 * l0},
        "three": {"sharedness": 0.5, "sharedness_ci": None, "l0": 1.05 * l0},
    }
    found = compare([copied(evaluation, tmp_path / n, **told) for n, told in numbers.items()])
    sources = [tuple(NamedSource(x, x, f"m{x}", layer=layer) for x in "ab") for layer in (2, 6, 2)]
    placed = zip(found.entries, sources, strict=True)
    apart = replace(found, entries=tuple(replace(e, pair=pair) for e, pair in placed))
    page = comparison_page(apart)
    head, row = next(rows for kind, rows in Tables(page).found if kind == "matrix")
    assert [text for text, _ in head] == ["Models", "layers 2 × 2", "layers 6 × 6"]
    assert [text for text, _ in row] == [
        "ma × mb", "0.100 one 0.050 to 0.200 0.500 three", "0.900 ≠ 0.800 to 0.950",
    ]  # fmt: skip
    legend = page.partition('<div class="matrices">')[0].rpartition('<p class="note">')[2]
    assert "≠: L0 is not that of one." in legend
    assert "≠" not in comparison_page(replace(apart, apart={}))


def test_runs_are_counted_by_their_folders(found: Comparison) -> None:
    assert found.n_runs == 2
    assert compare([found.entries[0].folder] * 2).n_runs == 1
