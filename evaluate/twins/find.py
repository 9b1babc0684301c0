"""From values to twins: match directions, count over the latent table, sum up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from xc.evaluate.decoder_pairs import cosines, of_class
from xc.evaluate.facts import Facts
from xc.evaluate.letters import letter
from xc.evaluate.scheduler import Work
from xc.evaluate.summary import NEEDS_TWO
from xc.evaluate.twins.divergence import divergence, divergence_counts, question
from xc.evaluate.twins.pairs import Pairs, deranged, greedy, hungarian, similar
from xc.evaluate.twins.table import ENDS, FALSE, GREEDY, HUNGARIAN, SCHEMA, Chosen, twins_table

NEEDED = ("class", "max_activation")
"""Metrics behind the twins; without them there are none."""

_STREAM = 7

KEYS: dict[str, str] = {
    "n_twins": (
        "Number of twins: pairs of a latent of A only and one of B only whose decoder directions, "
        "each in its own source, have a cosine above the threshold (`--twin-cosine`, 0.9), one to "
        "one, chosen for the largest sum of cosines (Hungarian method). Twins of a crosscoder that "
        "splits what both models share are a sign that its exclusive latents are artefacts."
    ),
    "n_twins_greedy": (
        "The same with the most similar pair taken first, then the most similar of the rest."
    ),
    "twin_divergence_median": (
        "Median over the twins of how often they fire apart: with v = f·Σ‖d‖ over the larger of "
        "the two latents' maxima on held-out rows, the rows where one is above 0.7 and the other "
        "at most 0.3, over the rows where one is above 0.7 (Minder et al.; with 0.4 and 0.1, as in "
        "their code, under `_04_01`). Near 0: one latent written twice; near 1: two latents."
    ),
    "false_twin_divergence_median": (
        "The same for the twins' latents paired anew at random, no latent with its own twin: what "
        "unrelated latents of this kind reach."
    ),
}
"""Keys of summary.json and what they mean."""

_OTHER = f"_{ENDS[1]}"
_NOT_MEASURED = "needs the metrics class and max_activation"
_WIDTHS = "the sources differ in width"
_NONE = "there are no twins, or for false ones fewer than two"
_NO_INTERVAL = "twins are matched once, over all rows"


@dataclass(frozen=True)
class Twins:
    """The table of twins.parquet and what goes to summary.json."""

    table: pa.Table
    """Pairs of every method."""
    values: Mapping[str, float | int | None]
    """By key of summary.json."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why one is null."""

    def added_to(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """A summary with the values before its last key, `not_measured`, and the reasons in it."""
        ends = dict.fromkeys(f"{key}_ci" for key in self.values)
        told = {**summary["not_measured"], **self.reasons, **dict.fromkeys(ends, _NO_INTERVAL)}
        out = {key: value for key, value in summary.items() if key != "not_measured"}
        return {**out, **self.values, **ends, "not_measured": dict(sorted(told.items()))}


def find_twins(work: Work, facts: Facts, *, cosine: float) -> Twins:
    """Twins of every pair of sources of equal width.

    Args:
        work: a pass over the latent table.
        facts: values of `NEEDED`.
        cosine: threshold.
    """
    pairs = list(_sources(facts))
    if not pairs or not set(NEEDED) <= set(facts.values):
        return _untold(pairs, _NOT_MEASURED if pairs else NEEDS_TWO)
    found = [chosen for i in range(len(pairs)) for chosen in _chosen(facts, i, pairs[i], cosine)]
    apart, high = _divergence(work, facts, found)
    values = _summary(pairs, found, apart)
    unequal = [
        name for name, (p, q) in zip(pairs, facts.pairs, strict=True) if _unequal(facts, p, q)
    ]
    reasons = {
        key: _WIDTHS if any(key in _keys(name, pairs) for name in unequal) else _NONE
        for key, value in values.items()
        if value is None
    }
    return Twins(twins_table(found, apart, high), values, reasons)


def _sources(facts: Facts) -> Iterator[str]:
    return (f"{letter(p)}_{letter(q)}" for p, q in facts.pairs)


def _unequal(facts: Facts, p: int, q: int) -> bool:
    return facts.decoder.widths[p] != facts.decoder.widths[q]


def _chosen(facts: Facts, pair: int, sources: str, threshold: float) -> Iterator[Chosen]:
    """What each method finds between two sources; nothing for unequal widths."""
    p, q = facts.pairs[pair]
    if _unequal(facts, p, q):
        return
    labels = facts.values["class"]
    first, second = (
        np.flatnonzero(of_class(facts, label, labels)[:, pair])
        for label in ("{p}_only", "{q}_only")
    )
    W = facts.decoder.W
    candidates = similar(W[p][first], W[q][second], above=threshold)
    best = hungarian(candidates)
    for method, pairs in ((HUNGARIAN, best), (GREEDY, greedy(candidates))):
        yield Chosen(sources, method, first[pairs.a], second[pairs.b], pairs.cosine)
    if len(best) > 1:
        yield _false(facts, pair, sources, Pairs(first[best.a], second[best.b], best.cosine))


def _false(facts: Facts, pair: int, sources: str, twins: Pairs) -> Chosen:
    (p, q), W = facts.pairs[pair], facts.decoder.W
    a, b = twins.a, twins.b[deranged(len(twins), facts.generator(_STREAM))]
    return Chosen(sources, FALSE, a, b, cosines(W[p][a], W[q][b]))


def _divergence(work: Work, facts: Facts, found: list[Chosen]) -> tuple[np.ndarray, np.ndarray]:
    """Of every pair of every method, [threshold, pair]; pairs that come twice are counted once."""
    d_sae = facts.decoder.d_sae
    names = [c.a.astype(np.int64) * d_sae + c.b for c in found]
    distinct, place = np.unique(np.concatenate([*names, []]).astype(np.int64), return_inverse=True)
    if len(distinct) == 0:
        return np.zeros((len(ENDS), 0)), np.zeros((len(ENDS), 0))
    written, maxima = facts.decoder.norms.sum(axis=1), facts.values["max_activation"]
    pairs = question(distinct // d_sae, distinct % d_sae, written, maxima)
    counts = work.run(divergence_counts(work.reader, pairs, work.blocks), "comparing twins")
    apart, high = divergence(counts)
    return apart[:, place], high[:, place]


def _summary(
    pairs: list[str], found: list[Chosen], apart: np.ndarray
) -> dict[str, float | int | None]:
    columns = np.split(apart, np.cumsum([len(c.a) for c in found])[:-1], axis=1)
    parts = {(c.sources, c.method): part for c, part in zip(found, columns, strict=False)}
    out: dict[str, float | int | None] = {}
    for name in pairs:
        none = np.zeros((len(ENDS), 0))
        own = {m: parts.get((name, m), none) for m in (HUNGARIAN, GREEDY, FALSE)}
        measured = (name, HUNGARIAN) in parts
        counts = (own[m].shape[1] if measured else None for m in (HUNGARIAN, GREEDY))
        medians = (_median(own[m][i]) for m in (HUNGARIAN, FALSE) for i in range(len(ENDS)))
        out |= dict(zip(_keys(name, pairs), (*counts, *medians), strict=True))
    return out


def _keys(name: str, pairs: list[str]) -> tuple[str, ...]:
    end = "" if len(pairs) == 1 else f"_{name}"
    twins, greedily, true, false = KEYS
    keys = (twins, greedily, true, true + _OTHER, false, false + _OTHER)
    return tuple(key + end for key in keys)


def _median(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _untold(pairs: list[str], why: str) -> Twins:
    keys = [key for name in pairs or ["a_b"] for key in _keys(name, pairs or ["a_b"])]
    return Twins(SCHEMA.empty_table(), dict.fromkeys(keys), dict.fromkeys(keys, why))
