"""Keys of summary.json that no metric of their own fills: what they follow from, or where they come
from instead."""

import re
from collections.abc import Iterator, Mapping

from xc.evaluate import overall
from xc.evaluate.letters import letter
from xc.evaluate.twins.find import KEYS, NEEDED
from xc.evaluate.twins.table import ENDS

Needed = tuple[str, ...]
"""Names of metrics."""

_GROUP = re.compile(r"(.+)_group_(shared|plain|exclusive(?:_[a-z]+)+)(?:_ci)?")
"""A key over a group of a partitioned dictionary."""

_CONTROL = "is estimated from a null control, not measured here; run `xc null RUN --kind {}`"
_ALWAYS = "stands in every summary.json; leave it out, or name a metric instead"

_ELSEWHERE: Mapping[str, str] = {
    r"fdr_([a-z]+_only)": _CONTROL.format("identical"),
    r"fdr_shared": _CONTROL.format("permuted"),
    r"reproduced_([a-z]+_only|shared)": _CONTROL.format("seeds"),
    r"rows(_(role|corpus)_.+)?": _ALWAYS,
    r"sinks_[a-z]+": _ALWAYS,
    r"class_threshold_(exclusive|shared)": _ALWAYS,
    r"not_measured": _ALWAYS,
}
"""Why a key cannot be asked for, and what to do, by its pattern."""


def following(n_sources: int) -> Iterator[tuple[str, Needed]]:
    """Keys of this many sources, each with the metrics that they follow from."""
    letters = [letter(m) for m in range(n_sources)]
    pairs = [f"_{p}_{q}" for i, p in enumerate(letters) for q in letters[i + 1 :]]
    for end in pairs if n_sources > 2 else [""]:
        yield from ((key + end, NEEDED) for key in _of_twins())
    if n_sources > 2:
        yield from ((f"n_{name}", ("class",)) for name in overall.class_names(letters))
        for k in range(1, n_sources + 1):
            yield f"n_persistence_{k}", ("persistence", "frequency")


def _of_twins() -> Iterator[str]:
    for key in KEYS:
        yield key
        if key.endswith("_median"):
            yield f"{key}_{ENDS[1]}"


def of_group(word: str, n_sources: int) -> Needed:
    """The metrics behind a key such as `n_a_only_group_plain`; none if the word is no such key."""
    match = _GROUP.fullmatch(word)
    letters = [letter(m) for m in range(n_sources)]
    classes = {*overall.class_names(letters), *overall.class_names(letters[:1])}
    if match is None or match[1] not in {"l0", *(f"n_{name}" for name in classes)}:
        return ()
    return ("frequency",) if match[1] == "l0" or n_sources == 1 else ("class",)


def elsewhere(word: str) -> str:
    """Why a key of summary.json cannot be asked for, and what to do; empty for other words."""
    key = word.removesuffix("_ci")
    found = (why for pattern, why in _ELSEWHERE.items() if re.fullmatch(pattern, key))
    return next(found, "")
