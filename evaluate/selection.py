"""Which metrics to compute: what was asked for, and what that needs."""

import re
from collections.abc import Mapping, Sequence

from xc.evaluate.metric import Metric
from xc.evaluate.naming import names
from xc.evaluate.other_keys import elsewhere, following, of_group
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
        RequestError: on a word that is none of these, with the nearest one, or on a key that comes
            from elsewhere.
    """
    known = _known(table, n_sources)
    wanted = {name for word in asked for name in _meant(word, known, table, n_sources)}
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


def _meant(
    word: str, known: Mapping[str, set[str]], table: Sequence[Metric], n_sources: int
) -> set[str]:
    for name in (word, _PART.sub("", word)):
        if name in known:
            return known[name]
    if needed := of_group(word, n_sources):
        return set(needed)
    if reason := elsewhere(word):
        raise RequestError(f"--metrics: '{word}' {reason}")
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
    for word, needed in following(n_sources):
        if present.issuperset(needed):
            known.setdefault(word, set()).update(needed)
    return known
