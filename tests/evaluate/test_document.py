"""The catalogue in docs/ says what the metrics say."""

from pathlib import Path

from xc.evaluate.document import catalogue, shown
from xc.evaluate.metrics import METRICS


def test_the_page_in_docs_is_current():
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == catalogue()


def test_every_metric_has_an_entry():
    text = catalogue()
    assert all(f"### `{shown(m)}`" in text for m in METRICS)


def test_quoted_shares_of_template_tokens_say_what_they_are_of():
    quoting = [m for m in METRICS if "template" in m.name and "40 %" in m.meaning]
    assert len(quoting) > 5
    for metric in quoting:
        assert "chat text alone and of v > 1e-3" in metric.misleads
        assert "`--keep corpus:CHAT`" in metric.misleads
