"""The catalogue in docs/ says what the metrics say, and what they read on planted data."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from xc.evaluate import document
from xc.evaluate.document import REFERENCES, catalogue, shown
from xc.evaluate.document_planted import Planted
from xc.evaluate.metrics import METRICS
from xc.evaluate.spliced_metrics import SPLICED
from xc.store_schema import RequestError

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
INTERVALS = RESULTS / "intervals.json"


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted.read(RESULTS / "planted.json")


@pytest.fixture(scope="module")
def page(planted: Planted) -> str:
    return catalogue(planted=planted, intervals=INTERVALS)


def entries(page: str) -> dict[str, str]:
    """By heading of the third level, what stands below it."""
    parts = re.split(r"^### (.+)\n", page, flags=re.MULTILINE)[1:]
    below = (re.split(r"^## ", text, flags=re.MULTILINE)[0] for text in parts[1::2])
    return dict(zip(parts[::2], below, strict=True))


def test_the_page_in_docs_is_current(page):
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page


def test_every_metric_has_an_entry_with_planted_numbers(page):
    found = entries(page)
    for metric in (*METRICS, *SPLICED):
        assert "**Planted" in found[f"`{shown(metric)}`"]
    without = [name for name, text in found.items() if "**Planted" not in text]
    assert without == []


def test_numbers_are_those_of_the_file(page, planted):
    cells = planted.cells("shrinkage", "summary", "n_a_only")
    row = f"| shrinkage | {' | '.join(map(str, cells))} |"
    assert row in entries(page)["`n_a_only`"]


def test_the_own_direction_of_a_latent_is_that_of_the_source_that_holds_it_more(page, planted):
    latents = planted.worlds["shrinkage"]["dictionaries"]["truth"]["latents"]
    text = entries(page)["`nu_error`"]
    for kind, words, column in (
        ("faint_in_b", "faint in B", "nu_error_mirror"),
        ("faint_in_a", "faint in A", "nu_error"),
    ):
        assert f"| shrinkage, {words} | {latents[kind][column]:.3g} |" in text


def test_the_command_writes_the_page(page, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["document", "--results", str(RESULTS)])
    document.main()
    assert capsys.readouterr().out == page


def test_without_planted_numbers_there_are_none():
    assert "**Planted" not in catalogue()


def test_a_metric_without_planted_numbers_is_refused(planted):
    for metric in (METRICS[0], next(m for m in METRICS if m.scope.is_column)):
        with pytest.raises(RequestError, match=r"no planted value of unheard.*run benchmarks"):
            catalogue([replace(metric, name="unheard", key="unheard")], planted)


def test_what_are_no_such_results_is_refused(tmp_path):
    path = tmp_path / "planted.json"
    for text in (None, "[]", "{}", "no JSON"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(RequestError, match=r"expected results of benchmarks/planted\.py"):
            Planted.read(path)


def test_shares_of_intervals_are_those_of_the_file(page):
    held = json.loads(INTERVALS.read_text())["coverage"]["dense"]
    found = {
        way: 100 * held[drawn][way]["n_shared"]
        for drawn, way in (("groups", "left out"), ("groups", "drawn"), ("groups", "percentiles"))
    }
    shares = " | ".join(f"{share:.0f}" for share in found.values())
    assert f"| `n_shared` | {shares} |" in page
    drawn = list(held["groups"]["drawn"].values())
    counts = f"{len(drawn)} | {sum(share < 0.9 for share in drawn)}"
    assert f"| dense | groups drawn (`--intervals bootstrap`) | {counts} |" in page


def test_what_are_no_results_of_intervals_is_refused(tmp_path):
    path = tmp_path / "intervals.json"
    for text in (None, "[]", "{}", "no JSON"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(RequestError, match=r"expected results of benchmarks/intervals\.py"):
            catalogue(intervals=path)


def test_quoted_shares_of_template_tokens_say_what_they_are_of():
    quoting = [m for m in METRICS if "template" in m.name and "40 %" in m.meaning]
    assert len(quoting) > 5
    for metric in quoting:
        assert "chat text alone and of v > 1e-3" in metric.misleads
        assert "`--keep corpus:CHAT`" in metric.misleads


@pytest.mark.parametrize("metric", [*METRICS, *SPLICED], ids=lambda metric: metric.name)
def test_every_metric_says_whose_it_is(metric):
    """A paper that the page lists at its end, common use, or xc."""
    named = re.findall(r"[A-ZÖ][a-zö]+(?= et al\.| \d{4})", metric.source)
    own = re.search(r"\bxc\b|[Ii]n common use", metric.source)
    assert metric.source.endswith(".")
    assert named or own
    for name in named:
        assert re.search(rf"^- {name}[ ,]", REFERENCES, flags=re.MULTILINE), name
