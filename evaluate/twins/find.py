"""From values to twins: match directions, count over the latent table, sum up.

Twins are matched anew without groups of rows; all pairs that come up are counted in one pass, by
group, so that the numbers without some of them need no other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from xc.evaluate.clusters import RowGroups
from xc.evaluate.facts import Facts
from xc.evaluate.intervals import NO_INTERVALS, Intervals
from xc.evaluate.letters import letter
from xc.evaluate.passes import Passes
from xc.evaluate.scheduler import Work
from xc.evaluate.summary import NEEDS_TWO
from xc.evaluate.twins.choices import Choice, Ends, Values, left_out_intervals
from xc.evaluate.twins.divergence import (
    Counts,
    Question,
    divergence,
    kept_counts,
    question,
)
from xc.evaluate.twins.matching import match
from xc.evaluate.twins.table import ENDS, FALSE, GREEDY, HUNGARIAN, SCHEMA, Chosen, twins_table
from xc.store_schema import Progress

NEEDED = ("class", "max_activation")
"""Metrics behind the twins; without them there are none."""

_EVERY = np.zeros(0, np.int64)
"""Of all rows, however many groups there are."""

Apart = tuple[np.ndarray, np.ndarray]
"""Divergence of pairs, and the rows that it is over: [threshold, pair]."""

KEYS: dict[str, str] = {
    "n_twins": (
        "Number of twins: pairs of a latent of A only and one of B only whose decoder directions, "
        "each in its own source, have a cosine above the threshold (`--twin-cosine`, 0.9), one to "
        "one, chosen for the largest sum of cosines (Hungarian method). Twins of a crosscoder that "
        "splits what both models share are a sign that its exclusive latents are artefacts. Its "
        "interval is by default about 1.5 times too wide, in simulated data with a cap on "
        "activations and without: what moves it are the few latents that fire so seldom that they "
        "may be missed; the fewer these are, the wider, or there is none."
    ),
    "n_twins_greedy": (
        "The same with the most similar pair taken first, then the most similar of the rest."
    ),
    "twin_divergence_median": (
        "Median over the twins of how often they fire apart: with v = f·Σ‖d‖ over the larger of "
        "the two latents' maxima on held-out rows, the rows where one is above 0.7 and the other "
        "at most 0.3, over the rows where one is above 0.7 (Minder et al.; with 0.4 and 0.1, as in "
        "their code, under `_04_01`). Near 0: one latent written twice; near 1: two latents. For "
        "its interval twins are matched anew without half of the groups of rows at once (a "
        "median moves in steps), or of groups drawn (`--intervals bootstrap`), but the maxima stay "
        "those of all rows, as if they were known: a maximum does not move smoothly. Where the "
        "largest activations are rare, it moves from text to text, which no interval tells."
    ),
    "false_twin_divergence_median": (
        "The same for the twins' latents paired anew at random, no latent with its own twin: what "
        "unrelated latents of this kind reach. Its interval keeps these pairs as far as both "
        "latents are twins without those rows too; where the maxima move from text to text and "
        "it is near 1, it often has none, or one that misses."
    ),
}
"""Keys of summary.json and what they mean."""

_OTHER = f"_{ENDS[1]}"
_NOT_MEASURED = "needs the metrics class and max_activation"
_WIDTHS = "the sources differ in width"
_NONE = "there are no twins, or for false ones fewer than two"


@dataclass(frozen=True)
class Twins:
    """The table of twins.parquet and what goes to summary.json."""

    table: pa.Table
    """Pairs of every method."""
    values: Values
    """By key of summary.json."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why one is null, or an interval."""
    intervals: Intervals = NO_INTERVALS
    """Of the values."""

    def added_to(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """A summary with the values before its last key, `not_measured`, and the reasons in it."""
        ends = self.intervals.ends
        told = {**summary["not_measured"], **self.intervals.reasons, **self.reasons}
        out = {key: value for key, value in summary.items() if key != "not_measured"}
        return {**out, **self.values, **ends, "not_measured": dict(sorted(told.items()))}


def find_twins(
    work: Work,
    passes: Passes,
    facts: Facts,
    *,
    cosine: float,
    groups: RowGroups,
    others: Sequence[Choice] | None = None,
    intervals: Ends = left_out_intervals,
) -> Twins:
    """Twins of every pair of sources of equal width.

    Args:
        work: a pass over the latent table.
        passes: what is kept, with these groups.
        facts: values of `NEEDED`.
        cosine: threshold.
        groups: of rows.
        others: classes of other choices of rows; none for no intervals.
        intervals: what they tell.
    """

    def count(pairs: Question) -> Counts:
        return kept_counts(work, passes, pairs, groups)

    return twins_of(
        facts, count, cosine=cosine, others=others, intervals=intervals, progress=work.progress
    )


def twins_of(
    facts: Facts,
    count: Callable[[Question], Counts],
    *,
    cosine: float,
    others: Sequence[Choice] | None = None,
    intervals: Ends = left_out_intervals,
    progress: Progress | None = None,
) -> Twins:
    """The same, whoever counts.

    Args:
        facts: values of `NEEDED`.
        count: tells of pairs how often they fire high and apart, by group of rows.
        cosine: threshold.
        others: classes of other choices of rows; none for no intervals.
        intervals: what they tell.
        progress: of the matching.
    """
    names = list(_sources(facts))
    wanted = others is not None
    if not names or not set(NEEDED) <= set(facts.values):
        return _untold(names, _NOT_MEASURED if names else NEEDS_TWO, intervals=wanted)
    choices = [Choice.of(_EVERY, facts.values["class"]), *(others or ())]
    pairs = _pairs(facts, names, choices, cosine, progress)
    apart = _divergences(facts, count, pairs, choices)
    parts = zip(pairs, apart, strict=True)
    values, *of_others = (_summary(names, found, own) for found, (own, _) in parts)
    reasons = _reasons(facts, names, values)
    compared = list(zip(choices[1:], of_others, strict=True))
    found = intervals(values, compared) if wanted else NO_INTERVALS
    known = {f"{key}_ci": why for key, why in reasons.items()} if wanted else {}
    return Twins(twins_table(pairs[0], *apart[0]), values, {**reasons, **known}, found)


def _sources(facts: Facts) -> Iterator[str]:
    return (f"{letter(p)}_{letter(q)}" for p, q in facts.pairs)


def _unequal(facts: Facts, p: int, q: int) -> bool:
    return facts.decoder.widths[p] != facts.decoder.widths[q]


def _pairs(
    facts: Facts,
    names: Sequence[str],
    choices: Sequence[Choice],
    cosine: float,
    progress: Progress | None,
) -> list[list[Chosen]]:
    """Pairs of every method and all sources, for every choice."""
    out: list[list[Chosen]] = [[] for _ in choices]
    for pair, (p, q) in enumerate(facts.pairs):
        if not _unequal(facts, p, q):
            classes = (choice.classes for choice in choices)
            matched = match(facts, classes, pair, names[pair], cosine=cosine, progress=progress)
            for every, own in zip(out, matched, strict=True):
                every.extend(own)
    return out


def _divergences(
    facts: Facts,
    count: Callable[[Question], Counts],
    pairs: Sequence[Sequence[Chosen]],
    choices: Sequence[Choice],
) -> list[Apart]:
    """Of the pairs of every choice, over the rows that it is about; all are counted together."""
    d_sae = facts.decoder.d_sae
    numbers = [
        np.concatenate([np.zeros(0, np.int64), *(c.a.astype(np.int64) * d_sae + c.b for c in own)])
        for own in pairs
    ]
    distinct, place = np.unique(np.concatenate(numbers), return_inverse=True)
    if len(distinct) == 0:
        return [(np.zeros((len(ENDS), 0)), np.zeros((len(ENDS), 0))) for _ in pairs]
    written, maxima = facts.decoder.norms.sum(axis=1), facts.values["max_activation"]
    counts = count(question(distinct // d_sae, distinct % d_sae, written, maxima))
    places = np.split(place, np.cumsum([len(own) for own in numbers])[:-1])
    return [
        divergence({name: _over(n[:, :, own], choice) for name, n in counts.items()})
        for choice, own in zip(choices, places, strict=True)
    ]


def _over(counted: np.ndarray, choice: Choice) -> np.ndarray:
    """Counts by group [group, …] over a choice of rows; whole numbers, so that it is exact."""
    times = choice.times if len(choice.times) else np.ones(len(counted), np.int64)
    return np.tensordot(times, counted, axes=1)


def _summary(
    names: Sequence[str], found: Sequence[Chosen], apart: np.ndarray
) -> dict[str, float | int | None]:
    columns = np.split(apart, np.cumsum([len(c.a) for c in found])[:-1], axis=1)
    parts = {(c.sources, c.method): part for c, part in zip(found, columns, strict=False)}
    out: dict[str, float | int | None] = {}
    for name in names:
        none = np.zeros((len(ENDS), 0))
        own = {m: parts.get((name, m), none) for m in (HUNGARIAN, GREEDY, FALSE)}
        measured = (name, HUNGARIAN) in parts
        counts = (own[m].shape[1] if measured else None for m in (HUNGARIAN, GREEDY))
        medians = (_median(own[m][i]) for m in (HUNGARIAN, FALSE) for i in range(len(ENDS)))
        out |= dict(zip(_keys(name, names), (*counts, *medians), strict=True))
    return out


def _reasons(facts: Facts, names: Sequence[str], values: Values) -> dict[str, str]:
    """Why values are null."""
    unequal = {
        key
        for name, (p, q) in zip(names, facts.pairs, strict=True)
        if _unequal(facts, p, q)
        for key in _keys(name, names)
    }
    null = (key for key, value in values.items() if value is None)
    return {key: _WIDTHS if key in unequal else _NONE for key in null}


def _keys(name: str, names: Sequence[str]) -> tuple[str, ...]:
    end = "" if len(names) == 1 else f"_{name}"
    twins, greedily, true, false = KEYS
    keys = (twins, greedily, true, true + _OTHER, false, false + _OTHER)
    return tuple(key + end for key in keys)


def _median(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def _untold(names: Sequence[str], why: str, *, intervals: bool) -> Twins:
    every = names or ["a_b"]
    keys = [key for name in every for key in _keys(name, every)]
    ends = [f"{key}_ci" for key in keys] if intervals else []
    return Twins(
        SCHEMA.empty_table(),
        dict.fromkeys(keys),
        dict.fromkeys([*keys, *ends], why),
        Intervals(dict.fromkeys(ends), {}),
    )
