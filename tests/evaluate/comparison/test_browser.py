"""The comparison in a real browser: numbers are in sight, and runs can be ordered."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import browse, needs_browser
from compared import copied

from xc.evaluate import Evaluation
from xc.evaluate.comparison import compare, comparison_page

pytestmark = needs_browser

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


def asked(page: str, script: str, folder: Path, *, width: int = 1200) -> Any:
    """What an expression says of the opened page; for that its policy is taken out of the copy."""
    tell = f"<script>document.title = 'said:' + JSON.stringify({script}) + ':end'</script>"
    path = folder / "asked.html"
    path.write_text(POLICY.sub("", page).replace("</body>", f"{tell}</body>"), encoding="utf-8")
    dom = browse(path.as_uri(), folder, f"--window-size={width},900", "--dump-dom")
    return json.loads(dom.partition("<title>said:")[2].partition(":end</title>")[0])


def page_of(evaluation: Evaluation, folder: Path, values: Sequence[float | None]) -> str:
    runs = [
        copied(evaluation, folder / f"k={4 + i},seed={i}", sharedness=value, sharedness_ci=None)
        for i, value in enumerate(values)
    ]
    return comparison_page(compare(runs))


def test_three_runs_are_in_sight_and_twelve_scroll_in_their_box(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    measured = """(() => {
      const box = document.querySelector("#runs .scroll");
      box.scrollLeft = 9999;
      const head = box.querySelector("tbody th").getBoundingClientRect().left;
      return [document.documentElement.scrollWidth, box.scrollWidth - box.clientWidth,
              head - box.getBoundingClientRect().left];
    })()"""
    for n, scrolls in ((3, False), (12, True)):
        page = page_of(evaluation, tmp_path / str(n), [0.5] * n)
        width, hidden, moved = asked(page, measured, tmp_path)
        assert width <= 1200
        assert (hidden > 0) == scrolls
        assert moved == pytest.approx(0, abs=1)


def test_runs_are_ordered_by_the_number_that_is_clicked(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    clicked = """(() => {
      const row = [...document.querySelectorAll("#runs tbody tr")].find(
        (row) => row.cells[0].textContent.includes("sharedness"));
      const button = row.querySelector("button");
      const shown = () => {
        const texts = (cells) => [...cells].slice(1).map((cell) => cell.textContent.slice(0, 3));
        return [texts(row.closest("table").tHead.rows[0].cells), texts(row.cells)];
      };
      button.click();
      const down = shown();
      button.click();
      return [down, shown()];
    })()"""
    page = page_of(evaluation, tmp_path, [0.5, None, 0.9, 0.1])
    down, up = asked(page, clicked, tmp_path)
    assert down == [["k=6", "k=4", "k=7", "k=5"], ["0.9", "0.5", "0.1", "–"]]
    assert up == [["k=7", "k=4", "k=6", "k=5"], ["0.1", "0.5", "0.9", "–"]]


def test_the_page_runs_its_own_script(evaluation: Evaluation, tmp_path: Path) -> None:
    path = tmp_path / "comparison.html"
    path.write_text(page_of(evaluation, tmp_path, [0.5, 0.6]), encoding="utf-8")
    assert '<button type="button">' in browse(path.as_uri(), tmp_path, "--dump-dom")
