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


def remarks(summary: Mapping[str, Any], entries: Entries) -> tuple[str, ...]:
    """A sentence for each way in which controls are unlike their run.

    Args:
        summary: of the run.
        entries: those that fit it.
    """
    return (*_of_l0(summary, entries), *_of_tokens(entries))


def _of_l0(summary: Mapping[str, Any], entries: Entries) -> Iterator[str]:
    for kind in (IDENTICAL, PERMUTED):
        if kind in entries and has_other_l0(summary, entries[kind]):
            yield (
                f"≠ L0 is {summary['l0']:.1f} in this run and {entries[kind]['l0']:.1f} in the "
                f"control {kind}: classes move with L0, so that what is estimated from its counts "
                "may be off"
            )


def _of_tokens(entries: Entries) -> Iterator[str]:
    for kind in (IDENTICAL, PERMUTED, SEEDS):
        entry = entries.get(kind, {})
        own, of_run = entry.get("tokens"), entry.get("tokens_of_run")
        if own is not None and of_run is not None and own < of_run:
            yield (
                f"The control {kind} was trained on {own:,} tokens, this run on {of_run:,}: what "
                "more training changes is not in it"
            )
