"""What a run and its null controls must have in common: cuts between classes, rows measured, L0,
tokens trained on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xc.evaluate.equal_l0 import unequal

IDENTICAL, PERMUTED, SEEDS, PLANTED = KINDS = ("identical", "permuted", "seeds", "planted")

EVALUATED = "evaluated"
"""Key of a control's entry: how it was evaluated, which is how its run was then."""
STALE = "the control was evaluated with other thresholds or rows; run `xc null RUN` again"
"""Why a control says nothing of a run that has been evaluated differently since."""

Entries = Mapping[str, Mapping[str, Any]]
"""By kind, flat objects of numbers."""

_CONDITIONS = ("class_threshold_exclusive", "class_threshold_shared", "rows")
_ROWS = ("rows_role_", "rows_corpus_")


def conditions(told: Mapping[str, Any]) -> dict[str, Any]:
    """Where classes were cut, and how many rows were measured, of which roles and parts.

    Args:
        told: summary.json of a run, or what a control's entry repeats of it.
    """
    return {k: v for k, v in told.items() if k in _CONDITIONS or k.startswith(_ROWS)}


def is_stale(summary: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether a control was evaluated otherwise than its run is now, or does not tell how."""
    return conditions(entry.get(EVALUATED) or {}) != conditions(summary)


def with_keep(entries: Entries, keep: Sequence[str] | None) -> dict[str, Mapping[str, Any]]:
    """The same controls; those measured on rows of other names as if they did not tell how.

    Args:
        entries: the controls.
        keep: roles and parts of the corpus that the run was measured on, as its config.yaml has
            them; None: not known, and then the numbers of rows decide alone.
    """
    if keep is None:
        return dict(entries)
    return {
        kind: entry if _kept(entry) == set(keep) else {**entry, EVALUATED: None}
        for kind, entry in entries.items()
    }


def _kept(entry: Mapping[str, Any]) -> set[str]:
    return set((entry.get(EVALUATED) or {}).get("keep") or ())


def fitting(summary: Mapping[str, Any], entries: Entries) -> dict[str, Mapping[str, Any]]:
    """Those controls that can be set beside the run."""
    return {kind: entry for kind, entry in entries.items() if not is_stale(summary, entry)}


def has_other_l0(summary: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether L0 of a control is too far from that of its run; where one is not known, not."""
    l0, other = summary.get("l0"), entry.get("l0")
    return l0 is not None and other is not None and unequal(l0, other)


def of_seeds(entry: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """What was measured of each other seed's run, by seed; nothing of entries of older versions."""
    ends = {seed: f"_seed_{seed}" for seed in entry.get("seeds", ())}
    found = {
        seed: {key.removesuffix(end): value for key, value in entry.items() if key.endswith(end)}
        for seed, end in ends.items()
    }
    return {seed: measured for seed, measured in found.items() if measured}


def remarks(summary: Mapping[str, Any], entries: Entries) -> tuple[str, ...]:
    """A sentence for each way in which controls are unlike their run.

    Args:
        summary: of the run.
        entries: those that fit it.
    """
    return (*remarks_of_l0(summary, entries), *remarks_of_tokens(entries))


def remarks_of_l0(summary: Mapping[str, Any], entries: Entries) -> Iterator[str]:
    """A sentence for each run of a control whose L0 is not that of the run."""
    for kind in (IDENTICAL, PERMUTED):
        if kind in entries and has_other_l0(summary, entries[kind]):
            yield _l0(summary, entries[kind], f"the control {kind}", "is estimated from its counts")
    for seed, found in of_seeds(entries.get(SEEDS, {})).items():
        if has_other_l0(summary, found):
            yield _l0(summary, found, f"that of seed {seed}", "is found again there")


def _l0(summary: Mapping[str, Any], found: Mapping[str, Any], where: str, what: str) -> str:
    return (
        f"≠ L0 is {summary['l0']:.1f} in this run and {found['l0']:.1f} in {where}: classes move "
        f"with L0, so that what {what} may be off"
    )


def remarks_of_tokens(entries: Entries) -> Iterator[str]:
    """One sentence for all controls that were trained on equally few."""
    fewer: dict[tuple[int, int], list[str]] = {}
    for kind in (IDENTICAL, PERMUTED, SEEDS):
        entry = entries.get(kind, {})
        own, of_run = entry.get("tokens"), entry.get("tokens_of_run")
        if own is not None and of_run is not None and own < of_run:
            fewer.setdefault((own, of_run), []).append(kind)
    for (own, of_run), kinds in fewer.items():
        who = f"control {kinds[0]} was" if len(kinds) == 1 else f"controls {_listed(kinds)} were"
        yield (
            f"The {who} trained on {own:,} tokens, this run on {of_run:,}: what more training "
            f"changes is not in {'it' if len(kinds) == 1 else 'them'}"
        )


def _listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last
