"""The facts above the report: which text, how many rows, which crosscoder."""

from collections.abc import Iterator
from typing import Any

from xc.evaluate.class_thresholds import MINDER
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import NONE, any_size, number, whole

Fact = tuple[str, str]


def facts(data: ReportData) -> tuple[Fact, ...]:
    """(name, value) pairs; those that nothing is known of are left out."""
    found = (*_text(data), *_crosscoder(data), *_training(data))
    return tuple((name, value) for name, value in found if value and value != NONE)


def _text(data: ReportData) -> Iterator[Fact]:
    yield "Text", str(data.provenance.get("text") or "")
    yield "Rows", number(data.provenance.get("rows"), whole)
    yield "Held-out rows", _with(data, "heldout_rows", "heldout_sequences", "in {} sequences")

    yield "Rows taking part", str(data.provenance.get("filter") or "")
    yield "Attention sinks in the store", _sinks(data)


def _sinks(data: ReportData) -> str:
    """Rows flagged per source, as the store counts them: `A 12, B 3`."""
    told = data.provenance.get("sinks") or {}
    counts = [(source.title, told.get(source.name)) for source in data.sources]
    return ", ".join(f"{title} {number(n, whole)}" for title, n in counts if n is not None)


def _with(data: ReportData, key: str, second: str, phrase: str) -> str:
    rows = number(data.provenance.get(key), whole)
    more = number(data.provenance.get(second), whole)
    return rows if NONE in (rows, more) else f"{rows} {phrase.format(more)}"


def _crosscoder(data: ReportData) -> Iterator[Fact]:
    yield "Crosscoder", _activation_fn(data.crosscoder.get("activation_fn") or {})
    yield "Latents (d_sae)", number(len(data.latents.latent), whole)
    yield "Classes cut by", _thresholds(data)


def _thresholds(data: ReportData) -> str:
    """The set of thresholds, where it is not the usual one."""
    told = str(data.evaluation_config.get("class_thresholds") or MINDER.name)
    return "" if told == MINDER.name or len(data.sources) < 2 else told


_TITLES = {
    "relu": "ReLU",
    "batch_topk": "BatchTopK",
    "topk": "TopK",
    "jumprelu": "JumpReLU",
}


def _activation_fn(activation_fn: dict[str, Any]) -> str:
    name = str(activation_fn.get("name", ""))
    title = _TITLES.get(name, name)
    parameters = [f"{k} = {v}" for k, v in sorted(activation_fn.items()) if k != "name"]
    return ", ".join(filter(None, (title, *parameters)))


def _training(data: ReportData) -> Iterator[Fact]:
    tokens = data.curve.get("tokens")
    if tokens is not None and len(tokens):
        yield "Training tokens", number(float(tokens[-1]), whole)
    if data.config.get("sparsity") in ("l1", "jumprelu"):
        yield "Penalty coefficient", number(data.config.get("l1_coeff"), any_size)
    yield "Preset", str(data.config.get("preset") or "")
    yield "Seed", number(data.config.get("seed"), any_size)
    yield "Warnings in training", " · ".join(data.warnings)
