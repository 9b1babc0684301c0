"""Runs whose losses were taken in another precision than those of the first."""

from collections.abc import Mapping, Sequence

from xc.evaluate.comparison.entry import Entry
from xc.evaluate.spliced_precision import Precision, told_precisions, words

Ran = Mapping[int, Precision | None]
"""In what the models ran, by place of the source in the pair; of sources without losses nothing."""


def apart_in_precision(entries: Sequence[Entry]) -> dict[str, str]:
    """Runs whose losses cannot be set against those of the first that has any, with its name."""
    unlike = [entry.run for entry, _ in _unlike(entries)]
    return dict.fromkeys(unlike[1:], unlike[0]) if unlike else {}


def unequal_precision(entries: Sequence[Entry]) -> str:
    """Names the runs, and what takes their losses alike if anything does; else nothing."""
    unlike = _unlike(entries)
    if not unlike:
        return ""
    said = "; ".join(
        f"{run}: {how}" for run, how in {e.run: _said(e, r) for e, r in unlike}.items()
    )
    ran = [how for _, found in unlike for how in found.values()]
    certain = "differs" if None not in ran else "differs, or is not known"
    note = f"The precision in which models ran for ce_* {certain} ({said})"
    one_type = len({how.dtype for how in ran if how}) == 1
    mends = None in ran or not one_type  # as harvested, weights may be of fewer bits
    return f"{note}; `xc evaluate --ce --dtype float32` takes them in one type" if mends else note


def _unlike(entries: Sequence[Entry]) -> list[tuple[Entry, Ran]]:
    """The first with losses and all that are unlike it; empty if there are none of these."""
    measured = [(entry, ran) for entry in entries if (ran := _ran(entry))]
    if not measured:
        return []
    first, of_first = measured[0]
    others = [(e, r) for e, r in measured if e.run != first.run and not _alike(of_first, r)]
    return [measured[0], *others] if others else []


def _ran(entry: Entry) -> Ran:
    told = told_precisions(entry.provenance)
    own = enumerate(source.letter for source in entry.pair)
    return {place: told[letter] for place, letter in own if letter in told}


def _alike(first: Ran, other: Ran) -> bool:
    """Of what both have; what is not known is like nothing."""
    both = first.keys() & other.keys()
    return all(first[place] is not None and first[place] == other[place] for place in both)


def _said(entry: Entry, ran: Ran) -> str:
    """`float32`, or `A float32, B bfloat16`."""
    named = {entry.pair[place].title: words(how) for place, how in ran.items()}
    if len(set(named.values())) == 1:
        return next(iter(named.values()))
    return ", ".join(f"{title} {how}" for title, how in named.items())
