import json
import re
from collections.abc import Callable
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from drawn import assert_formats

from xc.evaluate.report import FIGURES, write_report
from xc.evaluate.report.data import read_data
from xc.evaluate.report.page import render_page
from xc.evaluate.report.words import visible_piece

SCRIPT = "<script>document.title='pwned'</script>"
IMAGE = '"><img src=x onerror="document.title=\'pwned\'">'
HOSTILE = (
    SCRIPT,
    IMAGE,
    "</mark></style></script><script>document.title='pwned'//",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eright to left\u2066",
    "\x00\x1b[31m",
    "a" * 5000,
    "&amp;&#60;",
    "]]><!--",
    "https://example.com/x.js",
    "\ufffd",
    "ا\u200cب",
)
EDGES: dict[str, dict[str, Any]] = {
    "two": {},
    "all dead": {"all_dead": True},
    "one class": {"only": "a_only", "d_sae": 7},
    "nulls": {"nulls": True},
    "three": {"names": ("x@1", "y@1", "z@1"), "widths": (8, 8, 9), "scales": (1, 2, 3)},
    "hostile text": {"tokens": HOSTILE},
    "hostile names": {"names": (SCRIPT + "@1", IMAGE + "\u202e\ud800@2")},
    "bare": {"omit": ("config", "metrics", "checkpoint", "examples")},
}
UNDRAWN = ("one class", "hostile text")
"""Kinds whose pictures are those of another, or drawn in tests of figures."""
VOID = {"meta", "link", "path", "use", "image", "br"}


class Outline(HTMLParser):
    """Tags with attributes, text, and whether every element was closed."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def reported(make_run: Callable[..., Any]) -> Callable[[str], Any]:
    """Gives a run of a kind of `EDGES` with its report, which is written once, for all tests."""

    @lru_cache
    def report(kind: str) -> Any:
        evaluation = make_run(**EDGES[kind])
        if kind in UNDRAWN:
            evaluation.run.report.write_text(undrawn(evaluation), encoding="utf-8")
            return evaluation
        assert write_report(evaluation, run=evaluation.run) == evaluation.run.report
        return evaluation

    return report


@pytest.fixture(params=EDGES)
def page(request: pytest.FixtureRequest, reported: Callable[[str], Any]) -> str:
    return reported(request.param).run.report.read_text(encoding="utf-8")


def undrawn(evaluation: Any) -> str:
    """The page without its pictures, which take longest."""
    return render_page(read_data(evaluation, run=evaluation.run), FIGURES, {})


def test_well_formed_and_ids_unique(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    anchors = {attrs["href"] for tag, attrs in outline.tags if tag == "a"}
    assert {str(a).removeprefix("#") for a in anchors} <= set(ids)


def test_nothing_comes_from_outside(page: str) -> None:
    outline = Outline(page)
    for tag, attrs in outline.tags:
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            if name.split(":")[-1] in {"src", "href", "action", "data", "poster", "srcset"}:
                assert str(value).startswith(("#", "data:")), (tag, name, value)
    assert not re.search(r"@import|url\((?!#)", page)
    assert {tag for tag, _ in outline.tags} <= ALLOWED
    assert [tag for tag, _ in outline.tags].count("script") == 1


ALLOWED = {
    *("html", "head", "meta", "link", "title", "style", "body", "script", "header", "main", "nav"),
    *("section", "article", "h1", "h2", "h3", "h4", "p", "div", "span", "bdi", "a", "b", "strong"),
    *("mark", "code", "pre", "details", "summary", "ol", "li", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"),
    *("svg", "g", "path", "defs", "use", "rect", "clippath", "image"),
}


def test_policy_forbids_the_network(page: str) -> None:
    policies = [a for t, a in Outline(page).tags if t == "meta" and "http-equiv" in a]
    assert len(policies) == 1
    policy = dict(p.strip().split(" ", 1) for p in str(policies[0]["content"]).split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", policy["script-src"])
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    assert page.index("Content-Security-Policy") < page.index("<style")


def test_no_character_moves_others(page: str) -> None:
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f]", page)


def test_code_is_not_in_backticks(page: str) -> None:
    """Outside of what is shown as it is: settings, tokens, and hidden style and script."""
    kept = r"<(pre|style|script)\b.*?</\1>|<bdi class=\"text\">.*?</bdi>"
    assert "`" not in unescape(re.sub(kept, "", page, flags=re.DOTALL))


def test_hostile_tokens_are_text(reported: Callable[[str], Any]) -> None:
    page = reported("hostile text").run.report.read_text(encoding="utf-8")
    text = Outline(page).text
    assert "49" not in re.findall(r"\{\{ 7 \* 7 \}\}|\b49\b(?=\{)", page)
    for token in HOSTILE:
        assert visible_piece(token) in text
    assert "<script>document" not in page


def test_hostile_reasons_are_text_within_code(make_run: Callable[..., Any]) -> None:
    reason = f"run `xc null RUN --kind {IMAGE}`"
    page = undrawn(make_run(summary={"not_measured": {"cka": reason}}))
    assert "<img" not in page
    outline = Outline(page)
    assert reason.replace("`", "") in outline.text
    assert ("span", {"class": "unbroken"}) in outline.tags


def test_all_figures_lie_beside_the_page(reported: Callable[[str], Any]) -> None:
    names = {path.name for path in reported("two").run.figures.iterdir()}
    due = [figure for figure in FIGURES if figure.fewest < 3]
    assert names == {f"{f.name}.{ending}" for f in due for ending in ("png", "svg")}


def test_the_same_run_gives_the_same_bytes(
    reported: Callable[[str], Any], make_run: Callable[..., Any]
) -> None:
    first, again = reported("two").run, make_run()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "none"}):
        write_report(again, run=again.run)
    for path in (first.report, *first.figures.iterdir()):
        twin = again.run.root / path.relative_to(first.root)
        assert twin.read_bytes() == path.read_bytes()
    for svg in first.figures.glob("*.svg"):
        assert_formats(svg)


def test_a_second_report_replaces_the_first(make_run: Callable[..., Any]) -> None:
    evaluation = make_run(all_dead=True)
    first = write_report(evaluation, run=evaluation.run).read_text()
    assert (evaluation.run.figures / "training.svg").exists()
    evaluation.run.metrics.unlink()
    assert write_report(evaluation, run=evaluation.run).read_text() != first
    assert not (evaluation.run.figures / "training.svg").exists()


def test_reasons_are_told(make_run: Callable[..., Any]) -> None:
    text = Outline(undrawn(make_run(widths=(8, 9), summary={"svcca": None}))).text
    for word in ("ce_clean_a", "needs the language models", "svcca", "unequal width", "not asked"):
        assert word in text


def test_provenance(make_run: Callable[..., Any]) -> None:
    evaluation = make_run()
    told = {"text": "zoo:stdlib", "rows": 400000, "versions": {"xcdiff": "9.9"}, "seal": "ab12"}
    (evaluation.run.evaluation / "provenance.json").write_text(json.dumps(told))
    text = Outline(undrawn(evaluation)).text
    for word in ("zoo:stdlib", "400,000", "xcdiff 9.9", "ab12", "3f3f3f", "sparsity: batch_topk"):
        assert word in text


def test_the_rows_that_it_was_trained_on(make_run: Callable[..., Any]) -> None:
    evaluation = make_run()
    seen = {"tokens": 6000, "rows": 1600, "unique_rows": 1599, "epochs": 3.75, "mixing": 0.756}
    evaluation.run.stream.write_text(json.dumps(seen))
    text = Outline(undrawn(evaluation)).text
    assert "6,000 tokens: 1,599 of 1,600 train rows, 3.8 epochs" in text
    assert "0.76 times a global shuffle's" in text


def test_a_large_dictionary_stays_small(make_run: Callable[..., Any]) -> None:
    evaluation = make_run(d_sae=16384, per_class=20)
    path: Path = write_report(evaluation, run=evaluation.run)
    assert path.stat().st_size < 3e6


def test_one_source_and_no_classes(make_run: Callable[..., Any]) -> None:
    evaluation = make_run(names=("x@1",), widths=(8,), scales=(1.0,), drop=("class",))
    page = write_report(evaluation, run=evaluation.run).read_text()
    assert not {'id="classes"', 'id="latents"'} & set(re.findall(r"id=\"\w+\"", page))
    assert {p.stem for p in evaluation.run.figures.iterdir()} == {"density", "training"}
    assert "Which norms" not in page


def test_no_key_is_a_template(make_run: Callable[..., Any]) -> None:
    found = {"sharedness_from_a_only": 0.01, "n_b_only_nu_below": 3, "rel_norm_mode_a": 0.1}
    evaluation = make_run(summary=found)
    page = undrawn(evaluation)
    assert "{p}" not in page
    assert "{q}" not in page
    assert all(f"<code>{key}</code></th>" in page for key in found)
    assert "Which norms" in page


@pytest.mark.parametrize(
    ("n", "said"),
    [(12, "over 12 documents (few: intervals are noisy)."), (1200, "over 1,200 documents.")],
)
def test_caption_says_over_how_much_intervals_are(
    make_run: Callable[..., Any], n: int, said: str
) -> None:
    evaluation = make_run()
    told = {"clusters": {"unit": "documents", "n": n}}
    (evaluation.run.evaluation / "provenance.json").write_text(json.dumps(told))
    page = undrawn(evaluation)
    caption = page[page.index("<caption>Measured on") :].partition("</caption>")[0]
    assert caption.endswith(said)
    assert "by leaving out groups of them" in caption


def test_caption_says_how_intervals_were_found(make_run: Callable[..., Any]) -> None:
    evaluation = make_run()
    told = {"clusters": {"unit": "documents", "n": 50}, "intervals": "bootstrap"}
    (evaluation.run.evaluation / "provenance.json").write_text(json.dumps(told))
    assert "of all else by drawing groups of them with replacement; over" in undrawn(evaluation)
