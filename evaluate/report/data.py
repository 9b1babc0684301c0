"""Everything the report shows, read once: the only input of figures and page."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import yaml
from pyarrow import parquet

from xc.evaluate.evidence import evidence
from xc.evaluate.nulls.results import read_entries
from xc.evaluate.report.columns import Floats, LatentColumns, read_columns
from xc.evaluate.report.curve import read_curve, read_warnings
from xc.evaluate.report.examples import Example, read_examples
from xc.evaluate.report.null_data import ControlOf, Kept, control_of, read_kept, without_controls
from xc.evaluate.report.random_pairs import Bands, read_bands
from xc.evaluate.report.sources import NamedSource, named_sources
from xc.store_schema import RunLayout


class HasArrow(Protocol):
    """A table that gives itself as a pyarrow table."""

    def to_arrow(self) -> Any:
        """The pyarrow table."""


class Evaluated(Protocol):
    """What the report needs of an `Evaluation`."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """The flat object of summary.json."""

    @property
    def latents(self) -> HasArrow:
        """One row per latent."""


@dataclass(frozen=True)
class ReportData:
    """Inputs of the report."""

    summary: Mapping[str, Any]
    """summary.json."""
    sources: tuple[NamedSource, ...]
    """Sources of the crosscoder, A first."""
    latents: LatentColumns
    """latents.parquet."""
    examples: Mapping[int, tuple[Example, ...]]
    """Max-activating examples by latent."""
    curve: Mapping[str, Floats]
    """metrics.jsonl, columns over log lines."""
    warnings: tuple[str, ...]
    """What stands there in words: warnings of the training."""
    crosscoder: Mapping[str, Any]
    """checkpoint/config.json."""
    config: Mapping[str, Any]
    """config.yaml, the resolved training configuration."""
    evaluation_config: Mapping[str, Any]
    """evaluation/config.yaml."""
    provenance: Mapping[str, Any]
    """evaluation/provenance.json: text, rows, fingerprints, versions."""
    stream: Mapping[str, Any]
    """stream.json: the rows that it was trained on; runs of older versions and others lack it."""
    nulls: Mapping[str, Any]
    """evaluation/nulls.json: what null controls came to, by kind."""
    twins: tuple[Mapping[str, Any], ...] = ()
    """Rows of twins.parquet."""
    kept: Kept = field(default_factory=Kept)
    """What null controls left on disk."""
    bands: Bands = field(default_factory=dict)
    """Between which ends the cosines of random pairs lie."""
    control_of: ControlOf | None = None
    """Of a run that is a null control itself."""

    @property
    def evidence(self) -> str:
        """Over how much the intervals are, in words."""
        return evidence(self.provenance)

    @property
    def pairs(self) -> Iterator[tuple[NamedSource, NamedSource]]:
        """Pairs of sources, the first-named first."""
        return combinations(self.sources, 2)

    def pair_column(self, stem: str, first: NamedSource, second: NamedSource) -> str:
        """Name of a pairwise column: `cosine` with two sources, `cosine_a_b` with more."""
        if len(self.sources) == 2:
            return stem
        return f"{stem}_{first.letter}_{second.letter}"

    def rel_norm(self, first: NamedSource, second: NamedSource) -> Floats:
        """‖d_second‖ / (‖d_first‖ + ‖d_second‖), [d_sae], NaN where both are zero."""
        return relative(
            self.latents.number(f"norm_{first.letter}"),
            self.latents.number(f"norm_{second.letter}"),
        )

    def folded_rel_norm(self, first: NamedSource, second: NamedSource) -> Floats | None:
        """The same for decoders folded to raw activations; None where nothing tells those norms."""
        names = [f"norm_folded_{source.letter}" for source in (first, second)]
        if not all(map(self.latents.has, names)):
            return None
        return relative(*map(self.latents.number, names))


def relative(first: Floats, second: Floats) -> Floats:
    """second / (first + second), NaN where the sum is zero."""
    total = first + second
    return np.divide(second, total, out=np.full_like(total, np.nan), where=total > 0)


def read_data(evaluation: Evaluated, *, run: RunLayout) -> ReportData:
    """Read what a finished evaluation left in its run's folder."""
    latents = read_columns(evaluation.latents.to_arrow())
    crosscoder = _json(run.checkpoint / "config.json")
    lines = _lines(run.metrics)
    nulls, own = read_entries(run), control_of(run)
    settings = _yaml(run.evaluation_config)
    return ReportData(
        summary=evaluation.summary if own is None else without_controls(evaluation.summary),
        sources=named_sources(crosscoder, latents.numbers),
        latents=latents,
        examples=_examples(run.examples),
        curve=read_curve(lines),
        warnings=read_warnings(lines),
        crosscoder=crosscoder,
        config=_yaml(run.config),
        evaluation_config=settings,
        provenance=_json(run.evaluation / "provenance.json"),
        stream=_json(run.stream),
        nulls=nulls,
        twins=_rows(run.twins),
        kept=read_kept(run, nulls, latents),
        bands=read_bands(run, crosscoder, latents, seed=int(settings.get("seed") or 0)),
        control_of=own,
    )


def _examples(path: Path) -> dict[int, tuple[Example, ...]]:
    return read_examples(parquet.read_table(path)) if path.is_file() else {}


def _rows(path: Path) -> tuple[dict[str, Any], ...]:
    return tuple(parquet.read_table(path).to_pylist()) if path.is_file() else ()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def _yaml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
