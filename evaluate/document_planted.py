"""Tables of docs/metrics.md: what each metric says where the truth is known.

Out of what `benchmarks/planted.py` wrote; a metric or count that it does not know is refused, so
that none is documented without.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xc.evaluate.metric import Metric, Scope
from xc.evaluate.spliced_metrics import SPLICED
from xc.store_schema import RequestError

WORLDS = ("plain", "shrinkage", "decoupling")
"""Of two sources, each read through all of `DICTIONARIES`."""
THREE = "three"
"""The world of three sources of unequal width."""
WORDS = "words"
"""The world of two language models."""
DICTIONARIES = {
    "truth": "truth", "planted": "read", "artefact": "artefact", "L1": "L1",
    "BatchTopK": "BatchTopK",
}  # fmt: skip
"""Columns: names in the file, and in the tables."""
KINDS = {
    "shared": "shared", "a_only": "A only", "b_only": "B only", "faint_in_b": "faint in B",
    "faint_in_a": "faint in A", "everywhere": "in all", "c_only": "C only",
    "from_b_on": "B and C", "fading": "fading",
}  # fmt: skip
"""Of planted latents, in words; others are not shown."""
_MORE_KINDS = {"template_fraction": {"template": "B only, of the template"}}
"""Kinds that only some metrics are shown of."""
_OF_A = ("a_only", "faint_in_b")
"""Kinds whose own direction is A's."""

_PROFILES = ("_a", "_b", "_c")
_IN_THREE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("n_present", "n_peak", "n_birth_10", "n_birth_50", "sinks"), _PROFILES),
    **dict.fromkeys(
        ("persistence", "persistence_mean", "peak_source", "norm_entropy", "birth_source_10",
         "birth_source_50", "dead_fraction", "n_dead", "n_dead_minder", "n_rarer_1e-5", "rows"),
        ("",),
    ),
    **dict.fromkeys(
        ("n_shared", "n_a_only", "n_other", "n_shared_rms", "n_a_only_rms", "n_other_rms",
         "rel_norm", "delta_norm", "rel_norm_rms", "delta_norm_rms", "sharedness", "alignment"),
        ("_a_c",),
    ),
    **dict.fromkeys(("cosine_shared_median", "cosine", "cosine_random_mean"), ("_a_b",)),
    **dict.fromkeys(("beta_own_error", "beta_own_reconstruction", "norm"), ("_c",)),
}  # fmt: skip
"""Names that are shown of three sources too, and with which ends."""

Row = tuple[str, Sequence[Any]]
"""A label, and a cell of each dictionary; an empty text where there is none."""


@dataclass(frozen=True)
class Planted:
    """The results of benchmarks/planted.py."""

    worlds: Mapping[str, Any]
    """By name: kinds of latents, and by dictionary `summary` and `latents`."""
    settings: Mapping[str, Any]
    """What else the file holds."""

    @classmethod
    def read(cls, path: str | Path) -> "Planted":
        """Read the JSON.

        Raises:
            RequestError: if it is not there, or no such results.
        """
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(found.pop("worlds"), found)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RequestError(
                f"{path}: expected results of benchmarks/planted.py; run it first ({error!r})"
            ) from error

    def metric(self, metric: Metric, key: str) -> str:
        """What is shown of a metric, as Markdown.

        Args:
            metric: any.
            key: its output for two sources, as it heads its entry.
        """
        if metric.scope is Scope.PAIR_NUMBERS:
            return "**Planted.** Its numbers are under `cca` to `procrustes`.\n"
        if metric in SPLICED:
            return self._losses(metric)
        if metric.scope.is_column:
            return self._column(metric)
        more = [
            metric.output.format(p=end[1:2], q=end[-1:]) + end
            for end in _IN_THREE.get(metric.name, ())
        ]
        return self.numbers(key, [key], three=more, undefined=metric.undefined)

    def numbers(
        self, entry: str, keys: Iterable[str], *, three: Iterable[str] = (), undefined: str = ""
    ) -> str:
        """A table of some keys of summary.json.

        Args:
            entry: what the entry is of; a key of this name need not be named.
            keys: of two sources.
            three: of three.
            undefined: when they are null.

        Raises:
            RequestError: if a key is not among the results.
        """
        keys, three = list(keys), list(three)
        self._check(WORLDS[0], keys)
        self._check(THREE, three)
        rows = [
            (world if key == entry else f"{world}: `{key}`", self.cells(world, "summary", key))
            for key in keys
            for world in WORLDS
        ]
        rows += [(f"{THREE}: `{key}`", self.cells(THREE, "summary", key)) for key in three]
        return table(rows, undefined)

    def _losses(self, metric: Metric) -> str:
        keys = [f"{metric.output}_a", f"{metric.output}_b"]
        self._check(WORDS, keys)
        return table([(f"{WORDS}: `{key}`", self.cells(WORDS, "summary", key)) for key in keys])

    def _check(self, world: str, keys: Iterable[str]) -> None:
        known = self.worlds[world]["dictionaries"]["planted"]["summary"]
        unknown = [key for key in keys if key not in known]
        if unknown:
            raise RequestError(
                f"no planted value of {', '.join(unknown)}; run benchmarks/planted.py again"
            )

    def cells(self, world: str, part: str, key: str, kind: str = "") -> list[Any]:
        """Of every dictionary; an empty text where a world lacks it or it lacks the number."""
        found = [self.worlds[world]["dictionaries"].get(d, {}).get(part, {}) for d in DICTIONARIES]
        return [(of.get(kind, {}) if kind else of).get(key, "") for of in found]

    def _column(self, metric: Metric) -> str:
        rows: list[Row] = []
        more = _MORE_KINDS.get(metric.name, {})
        for world in WORLDS[1:]:
            for kind, words in (self._kinds(world) | more).items():
                keys = _SHOWN[metric.scope](metric.output, kind)
                rows.append((f"{world}, {words}", self._joined(world, kind, keys)))
        for end in _IN_THREE.get(metric.name, ()):
            key = metric.output + end
            label = f": `{key}`" if end else ""
            rows += [
                (f"{THREE}, {words}{label}", self.cells(THREE, "latents", key, kind))
                for kind, words in self._kinds(THREE).items()
            ]
        return _LEGENDS.get(metric.scope, "") + table(rows, metric.undefined)

    def _kinds(self, world: str) -> dict[str, str]:
        return {kind: words for kind, words in KINDS.items() if kind in self.worlds[world]["kinds"]}

    def _joined(self, world: str, kind: str, keys: Sequence[str]) -> list[Any]:
        """Cells of one column, or of several behind one another."""
        columns = [self.cells(world, "latents", key, kind) for key in keys]
        if all(cell == "" for column in columns for cell in column):
            raise RequestError(f"no planted value of {keys[0]}; run benchmarks/planted.py again")
        if len(columns) == 1:
            return columns[0]
        parts = zip(*columns, strict=True)
        return ["" if "" in cells else _Several(cells) for cells in parts]


class _Several(tuple[Any, ...]):
    """Numbers that share a cell."""


def _one(output: str, kind: str) -> list[str]:
    return [output]


def _of_sources(output: str, kind: str) -> list[str]:
    return [f"{output}_a", f"{output}_b"]


def _own_ratio(output: str, kind: str) -> list[str]:
    return [output + ("_mirror" if kind in _OF_A else "")]


def _own_and_other(output: str, kind: str) -> list[str]:
    own, other, end = ("a", "b", "_mirror") if kind in _OF_A else ("b", "a", "")
    return [f"{output}_{own}{end}", f"{output}_{other}{end}"]


_SHOWN: Mapping[Scope, Callable[[str, str], list[str]]] = {
    Scope.LATENT: _one,
    Scope.LATENT_PAIR: _one,
    Scope.LATENT_SOURCE: _of_sources,
    Scope.LATENT_PAIR_MIRROR: _own_ratio,
    Scope.LATENT_SOURCE_DIRECTION: _own_and_other,
}
"""The columns that are shown of two sources, by output and kind of latent."""


_LEGENDS = {
    Scope.LATENT_SOURCE: "Planted, in A / in B:\n\n",
    Scope.LATENT_PAIR_MIRROR: "Planted, along the latent's own direction (A's: `_mirror`):\n\n",
    Scope.LATENT_SOURCE_DIRECTION: (
        "Planted, along the latent's own direction, in its own source / in the other:\n\n"
    ),
}


def table(rows: Sequence[Row], undefined: str = "") -> str:
    """Markdown of the rows that hold anything; columns that are empty in all of them are left out.

    Args:
        rows: labels and cells, one per dictionary.
        undefined: when values are null, for where all are.
    """
    told = [(label, cells) for label, cells in rows if any(_is_told(cell) for cell in cells)]
    if not told:
        return f"**Planted.** Null in every world: {undefined}.\n"
    shown = [i for i in range(len(DICTIONARIES)) if any(cells[i] != "" for _, cells in told)]
    names = [list(DICTIONARIES.values())[i] for i in shown]
    lines = [f"| **Planted** | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for label, cells in told:
        lines.append(f"| {label} | {' | '.join(cell(cells[i]) for i in shown)} |")
    return "\n".join([*lines, ""])


def _is_told(cell: Any) -> bool:
    if isinstance(cell, _Several):
        return any(_is_told(part) for part in cell)
    return cell is not None and cell != ""


def cell(value: Any) -> str:
    """A number, a word or nothing, as it is printed."""
    if isinstance(value, _Several):
        return " / ".join(map(cell, value))
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
