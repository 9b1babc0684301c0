"""One line of a comparison: a run, and a pair of its sources."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from xc.evaluate.evaluation import Evaluation
from xc.evaluate.report.sources import NamedSource, named_sources
from xc.store_schema import DamageError, RunLayout


@dataclass(frozen=True)
class Entry:
    """A pair of sources of a run, or its only source."""

    run: str
    """The run's name: its folder's, with as many parents as it takes to tell it from others."""
    pair: tuple[NamedSource, ...]
    """Two sources, or one."""
    n_sources: int
    """Sources of the whole run."""
    summary: Mapping[str, Any]
    """summary.json."""
    settings: Mapping[str, Any]
    """Training settings, config.yaml."""
    provenance: Mapping[str, Any]
    """provenance.json."""
    folder: Path
    """Where the run lies."""

    @property
    def models(self) -> str:
        """`gpt2 × distilgpt2`, or the one model."""
        return " × ".join(source.model or source.name for source in self.pair)

    @property
    def layers(self) -> tuple[int | None, ...]:
        """Layer of each source."""
        return tuple(source.layer for source in self.pair)

    @property
    def letters(self) -> tuple[str, str]:
        """Letters of the pair; those of A and B for a single source."""
        return (self.pair[0].letter, self.pair[1].letter) if len(self.pair) > 1 else ("a", "b")


def read_entries(runs: Sequence[Path]) -> tuple[Entry, ...]:
    """Every pair of every run, in order.

    Raises:
        RequestError: if a run was not evaluated.
        DamageError: if a file of it cannot be read.
    """
    names = distinct_names(runs)
    return tuple(e for run, name in zip(runs, names, strict=True) for e in _entries(run, name))


def _entries(run: Path, name: str) -> Iterator[Entry]:
    evaluation, layout = Evaluation.open(run), RunLayout(run)
    checkpoint = _read(layout.checkpoint / "config.json")
    sources = named_sources(checkpoint, evaluation.latents.names)
    settings = dict(_read(layout.config).get("train") or {})
    if "d_sae" in checkpoint:  # of an imported run it stands nowhere else
        settings["d_sae"] = checkpoint["d_sae"]
    provenance = _read(layout.evaluation / "provenance.json")
    for pair in combinations(sources, 2) if len(sources) > 1 else [sources]:
        yield Entry(name, pair, len(sources), evaluation.summary, settings, provenance, run)


def _read(path: Path) -> dict[str, Any]:
    """An object of JSON or YAML; empty if there is no such file."""
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise DamageError(f"{path}: unreadable ({error}); run `xc evaluate` again") from error
    return found if isinstance(found, dict) else {}


def distinct_names(runs: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart; equal paths stay equal."""
    parts = [run.resolve().parts for run in runs]
    depth = 1
    while depth < max(map(len, parts)) and len({p[-depth:] for p in parts}) < len(set(parts)):
        depth += 1
    return ["/".join(p[-depth:]) for p in parts]
