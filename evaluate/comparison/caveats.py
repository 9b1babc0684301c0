"""Why some numbers of a comparison cannot be set against each other."""

import shlex
from collections.abc import Callable, Mapping, Sequence

from xc.evaluate.comparison.entry import Entry
from xc.evaluate.config import JACKKNIFE
from xc.evaluate.equal_l0 import L0_TOLERANCE, unequal


def caveats(entries: Sequence[Entry], *, l0_tolerance: float = L0_TOLERANCE) -> tuple[str, ...]:
    """A sentence for each way in which runs differ that moves the numbers by itself."""
    found = [unequal_l0(entries, tolerance=l0_tolerance), unknown_l0(entries)]
    found += [_differing(entries, what, value) for what, value in CONDITIONS.items()]
    return tuple(sentence for sentence in found if sentence)


def unequal_l0(entries: Sequence[Entry], *, tolerance: float) -> str:
    """Names the two runs whose L0 lie furthest apart, if that is too far; else nothing."""
    by_run = {e.run: e.summary.get("l0") for e in entries}
    known = {run: float(l0) for run, l0 in by_run.items() if l0 is not None}
    if len(known) < 2:
        return ""
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    if not unequal(known[low], known[high], tolerance=tolerance):
        return ""
    return (
        f"L0 is {known[low]:.1f} in {low} and {known[high]:.1f} in {high}: sharedness, classes and "
        "variance explained all move with L0, so that differences between these runs say little"
    )


def unknown_l0(entries: Sequence[Entry]) -> str:
    """Names all of several runs whose L0 is not known, with what measures it; else nothing."""
    without = {e.folder: e.run for e in entries if e.summary.get("l0") is None}
    if not without or len({e.folder for e in entries}) < 2:
        return ""
    how = " && ".join(f"xc evaluate --run {shlex.quote(str(folder))}" for folder in without)
    return f"L0 of {', '.join(without.values())} was not measured; run `{how}`"


def apart(entries: Sequence[Entry], *, tolerance: float) -> dict[str, str]:
    """Runs whose L0 is further than the tolerance from that of the first, with the first's name."""
    known = [(e.run, float(e.summary["l0"])) for e in entries if e.summary.get("l0") is not None]
    if not known:
        return {}
    first, of_first = known[0]
    return {run: first for run, l0 in known if unequal(l0, of_first, tolerance=tolerance)}


def _differing(entries: Sequence[Entry], what: str, value: Callable[[Entry], object]) -> str:
    found: dict[str, list[str]] = {}
    for entry in entries:
        told = value(entry)
        if told is not None:
            runs = found.setdefault(str(told), [])
            runs += [entry.run] if entry.run not in runs else []
    if len(found) < 2:
        return ""
    said = "; ".join(f"{', '.join(runs)}: {text}" for text, runs in found.items())
    return f"{what} differs ({said})"


def _cuts(entry: Entry) -> str | None:
    """Where classes are cut, as distances of delta_norm; None for a single source."""
    if entry.n_sources < 2:
        return None
    names = ("exclusive", "shared")
    told = [entry.summary.get(f"class_threshold_{name}", "not told") for name in names]
    return ", ".join(f"{name} {_cut(cut)}" for name, cut in zip(names, told, strict=True))


def _cut(value: object) -> str:
    if value is None:
        return "nowhere"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


CONDITIONS: Mapping[str, Callable[[Entry], object]] = {
    "The cut between classes": _cuts,
    "The number of latents": lambda e: e.settings.get("d_sae", "not told"),
    "The text": lambda e: e.provenance.get("text", "not told"),
    "The number of held-out rows": lambda e: e.provenance.get("heldout_rows", "not told"),
    "The number of held-out sequences": lambda e: e.provenance.get("heldout_sequences", "not told"),
    "The choice of rows": lambda e: e.provenance.get("filter", "not told"),
    "How intervals are found": lambda e: e.provenance.get("intervals", JACKKNIFE),
}
"""What should be equal, in words, and where it stands; None where a run has no such thing."""
