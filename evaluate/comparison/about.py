"""What runs are of: which models and layers, on what text; told once where all have the same."""

from collections.abc import Sequence

from xc.evaluate.comparison.entry import Entry
from xc.evaluate.report.numbers import NONE, number, whole


def told_apart(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Of sources, models and layers what is not the same in all: name to the text of each entry."""
    return {name: texts for name, texts in _sources(entries).items() if len(set(texts)) > 1}


def told_once(entries: Sequence[Entry]) -> dict[str, str]:
    """What is known and the same in all: sources, models, layers, text, held-out rows."""
    rows = {**_sources(entries), **_text(entries)}
    shared = {name: texts[0] for name, texts in rows.items() if len(set(texts)) == 1}
    return {name: text for name, text in shared.items() if text not in ("", NONE)}


def layers_text(entry: Entry) -> str:
    """`6 × 3`; a dash where a source has no layer."""
    return " × ".join(NONE if layer is None else str(layer) for layer in entry.layers)


def _sources(entries: Sequence[Entry]) -> dict[str, list[str]]:
    return {
        "Sources": [_letters(e) for e in entries],
        "Models": [e.models for e in entries],
        "Layers": [layers_text(e) for e in entries],
    }


def _letters(entry: Entry) -> str:
    """`A–C`, of a run of more than two sources; else nothing: there they are A and B."""
    return "–".join(source.title for source in entry.pair) if entry.n_sources > 2 else ""


def _text(entries: Sequence[Entry]) -> dict[str, list[str]]:
    return {
        "Text": [str(e.provenance.get("text") or "") for e in entries],
        "Held-out rows": [number(e.provenance.get("heldout_rows"), whole) for e in entries],
        "Held-out sequences": [
            number(e.provenance.get("heldout_sequences"), whole) for e in entries
        ],
    }
