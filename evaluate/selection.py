"""Which metrics to compute: what was asked for, and what that needs."""

import re
from collections.abc import Iterator, Mapping, Sequence

from xc.evaluate import overall
from xc.evaluate.letters import letter
from xc.evaluate.metric import Metric
from xc.evaluate.naming import names
from xc.evaluate.twins.find import KEYS, NEEDED
from xc.store_schema import RequestError, suggestion

_PART = re.compile(r"(_(role|corpus)_.+)?(_ci)?$")
"""What a key may add to that of a metric: a part of the rows, an interval."""


def select(table: Sequence[Metric], asked: Sequence[str], n_sources: int = 2) -> tuple[Metric, ...]:
    """Metrics of the table that were asked for (all, if none were) and those they need, in order.

    Args:
        table: all metrics there are.
        asked: names of metrics, keys of summary.json, columns of latents.parquet.
        n_sources: of the crosscoder; keys and columns follow from it.

    Raises:
        RequestError: on a word that is none of these, with the nearest one.
    """
    known = _known(table, n_sources)
    wanted = {name for word in asked for name in _meant(word, known, table)}
    wanted = wanted or {m.name for m in table}
    for metric in reversed(table):
        if metric.name in wanted:
            wanted |= set(metric.needs)
    return tuple(m for m in table if m.name in wanted)


def is_fuller(
    table: Sequence[Metric], first: Sequence[str], second: Sequence[str], n_sources: int = 2
) -> bool:
    """Whether asking for the first gives all that asking for the second does, and more."""
    try:
        one, other = ({m.name for m in select(table, a, n_sources)} for a in (first, second))
    except RequestError:  # asked of another version, with other metrics
        return False
    return one > other


def _meant(word: str, known: Mapping[str, set[str]], table: Sequence[Metric]) -> set[str]:
    for name in (word, _PART.sub("", word)):
        if name in known:
            return known[name]
    near = suggestion(word, known)
    if not near.startswith("; did"):  # all keys and columns would be a page
        near = suggestion(word, [m.name for m in table])
    raise RequestError(f"unknown metric '{word}'{near}")


def _known(table: Sequence[Metric], n_sources: int) -> dict[str, set[str]]:
    """Names of metrics by every word for them; a word may be one's name and another's key."""
    known: dict[str, set[str]] = {}
    for metric in table:
        for word in (metric.name, *names(metric, n_sources)):
            known.setdefault(word, set()).add(metric.name)
    present = {m.name for m in table}
    for word, needed in _following(n_sources):
        if present.issuperset(needed):
            known.setdefault(word, set()).update(needed)
    return known


def _following(n_sources: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Keys that no metric of their own fills, each with the metrics that they follow from."""
    if n_sources == 2:
        yield from ((key, NEEDED) for key in KEYS)
    if n_sources > 2:
        for name in overall.class_names([letter(m) for m in range(n_sources)]):
            yield f"n_{name}", ("class",)
        for k in range(1, n_sources + 1):
            yield f"n_persistence_{k}", ("persistence", "frequency")
