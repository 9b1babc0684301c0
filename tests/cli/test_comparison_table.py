"""`xc compare` in a terminal: numbers and intervals whole on their lines, whatever the width."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from xc.cli.comparison_table import print_comparison
from xc.cli.latents import WIDE
from xc.evaluate.comparison import Comparison
from xc.evaluate.comparison.columns import COLUMNS
from xc.evaluate.comparison.entry import Entry
from xc.evaluate.comparison.settings import changed_settings, shared_settings
from xc.evaluate.report.sources import NamedSource

SUMMARY: Mapping[str, Any] = {
    "l0": 104.14, "l0_ci": [101.96, 112.31], "fve_a": 0.7412, "fve_a_ci": [0.7151, 0.7662],
    "fve_b": 0.9996, "fve_b_ci": [0.9991, 0.9999], "dead_fraction": 0.1354,
    "dead_fraction_ci": [0.1187, 0.1539], "n_shared": 13190, "n_shared_ci": [13130, 13250],
    "n_a_only": 0, "n_b_only": 0, "n_other": 13, "n_other_ci": [10, 16], "sharedness": 0.99999,
    "sharedness_ci": [0.99998, 0.99999], "alignment": 0.7652, "alignment_ci": [0.7611, 0.7688],
}  # fmt: skip


def entry(i: int, *, layer: int = 2) -> Entry:
    """A run of a sweep."""
    pair = tuple(NamedSource(x, f"m{x}@{layer}", f"m{x}", layer=layer) for x in "ab")
    settings = {"k": 16 * (i + 1), "lr": 0.0026127890589687235 / (i + 1), "tokens": 100_000}
    return Entry(f"k={16 * (i + 1)},seed={i}", pair, 2, SUMMARY, settings, {}, Path(f"/{i}"))


def comparison(*entries: Entry, **wish: Any) -> Comparison:
    columns = tuple(c for c in COLUMNS if c.plain in SUMMARY)
    plain: dict[str, Any] = {
        "caveats": (), "apart": {}, "apart_in_precision": {},
        "settings": changed_settings(entries), "shared": shared_settings(entries),
    }  # fmt: skip
    return Comparison(entries, columns, **(plain | wish))


def printed(found: Comparison, width: int | None = 100) -> list[str]:
    """Lines of a terminal of that many columns; of a file without."""
    console = Console(
        width=width, force_terminal=width is not None, no_color=True, file=io.StringIO()
    )
    print_comparison(console, found)
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[\d;]*m", "", console.file.getvalue()).splitlines()


INTERVALS = ("102.0 to 112.3", "0.715 to 0.766", "11.87 to 15.39 %", "13,130 to 13,250",
             "0.99998 to 0.99999")  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_runs_stand_side_by_side_in_a_hundred_columns(n: int) -> None:
    lines = printed(comparison(*map(entry, range(n))))
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("Sharedness") for line in lines) == 1
    for text in INTERVALS:
        assert sum(line.count(text) for line in lines) == n
    if n < 3:
        (line,) = (line for line in lines if line.startswith("FVE A"))
        assert line.split() == ["FVE", "A", *["0.741", "0.715", "to", "0.766"] * n]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_many_runs_stand_in_blocks_with_all_their_numbers(width: int) -> None:
    lines = printed(comparison(*map(entry, range(12))), width)
    assert max(map(len, lines)) <= width
    heads = [line.split() for line in lines if "seed=" in line]
    assert [name for head in heads for name in head] == [entry(i).run for i in range(12)]
    assert sum(line.startswith("Sharedness") for line in lines) == len(heads) > 1
    for text in INTERVALS:
        assert sum(line.count(text) for line in lines) == 12


def test_numbers_of_a_column_stand_below_each_other() -> None:
    lines = printed(comparison(entry(0), entry(1)))
    ends = {
        match.end()
        for line in lines
        for match in [re.match(r"(L0|Shared|A only|Sharedness) +[\d.,]+", line)]
        if match
    }
    assert len(ends) == 1


def test_settings_are_short_and_only_those_that_differ() -> None:
    lines = printed(comparison(entry(0), entry(1)))
    assert lines[:2] == ["ma × mb, layers 2 × 2", "1 setting is the same in all runs"]
    words = [line.split() for line in lines]
    assert ["lr", "0.002613", "0.001306"] in words
    assert not any(line.startswith(("tokens", "layers", "models")) for line in lines)
    other = [line.split() for line in printed(comparison(entry(0), entry(1, layer=3)))]
    assert ["layers", "2", "×", "2", "3", "×", "3"] in other


def test_what_cannot_be_compared_is_marked_and_said() -> None:
    first, second = entry(0), entry(1)
    found = comparison(
        first, second, apart={second.run: first.run}, caveats=("L0 is [bold]other[/bold]",)
    )
    lines = printed(found)
    (line,) = (line for line in lines if line.startswith("L0"))
    assert line.count("104.1 ≠") == 1
    assert lines[-1] == "note: L0 is [bold]other[/bold]"


def test_a_file_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    found = comparison(*map(entry, range(8)))
    lines = printed(found, None)
    assert 100 < max(map(len, lines)) <= WIDE
    assert sum(line.startswith("Sharedness") for line in lines) == 1
    monkeypatch.setenv("COLUMNS", "90")
    assert max(map(len, printed(found, None))) <= 90


def test_long_names_are_folded_and_whole() -> None:
    name = "a-rather-long-name-of-a-folder/" * 3
    lines = printed(comparison(*(Entry(**{**vars(entry(i)), "run": name}) for i in range(3))))
    assert max(map(len, lines)) <= 100
    head = lines[2 : next(i for i, line in enumerate(lines) if line.startswith("k "))]
    assert sum(len(line.replace(" ", "")) for line in head) == 3 * len(name)
