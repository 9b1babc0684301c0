"""nulls.json: what each null control of a run came to, and what follows for its own counts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from xc.evaluate.nulls.conditions import (
    IDENTICAL,
    KINDS,
    PERMUTED,
    SEEDS,
    STALE,
    Entries,
    fitting,
    is_stale,
    with_keep,
)
from xc.evaluate.nulls.false_discovery import count_interval, false_discovery_rate
from xc.store_schema import Checkpoint, DamageError, RunLayout, atomic_write

CHECKPOINT = "checkpoint"

NEEDS = "needs a null control"
"""How the reason begins why something is not known that `xc null` would tell."""
_SIDES = ("a_only", "b_only")


def read_entries(run: RunLayout) -> dict[str, dict[str, Any]]:
    """Results by kind; none of those that were about another crosscoder than the run's.

    Raises:
        DamageError: if the file is no JSON object.
    """
    if not run.nulls_json.is_file():
        return {}
    try:
        found = dict(json.loads(run.nulls_json.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DamageError(
            f"{run.nulls_json}: unreadable ({error}); delete it and run `xc null` again"
        ) from error
    if found.get(CHECKPOINT) != Checkpoint.load(run.checkpoint).fingerprint:
        return {}
    return {kind: found[kind] for kind in KINDS if kind in found}


def write_entry(run: RunLayout, kind: str, entry: Mapping[str, Any]) -> None:
    """Add the results of one control, or replace them."""
    entries = {**read_entries(run), kind: dict(entry)}
    about = {CHECKPOINT: Checkpoint.load(run.checkpoint).fingerprint}
    ordered = {k: entries[k] for k in KINDS if k in entries}
    text = json.dumps({**about, **ordered}, indent=2, allow_nan=False, ensure_ascii=False)
    atomic_write(run.nulls_json, text + "\n")


def with_nulls(
    summary: Mapping[str, Any], entries: Entries, *, keep: Sequence[str] | None = None
) -> dict[str, Any]:
    """A summary of two sources with what the controls say of it; others stay as they are.

    Controls that were evaluated otherwise than the run say nothing of it.

    Args:
        summary: the object of summary.json, with or without such keys.
        entries: from `read_entries`.
        keep: roles and parts of the corpus that the run was measured on; controls of others say
            nothing of it. None: only the numbers of rows are compared.
    """
    if "n_a_only" not in summary or "n_c_only" in summary or "fve_b" not in summary:
        return dict(summary)
    values, reasons = _values(summary, with_keep(entries, keep))
    told = {k: v for k, v in summary.get("not_measured", {}).items() if k not in values}
    kept = {k: v for k, v in summary.items() if k not in values and k != "not_measured"}
    return {**kept, **values, "not_measured": dict(sorted({**told, **reasons}.items()))}


def _values(summary: Mapping[str, Any], entries: Entries) -> tuple[dict[str, Any], dict[str, str]]:
    """Keys of summary.json, and why some are null."""
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, kind in (("a_only", IDENTICAL), ("b_only", IDENTICAL), ("shared", PERMUTED)):
        key, reason = f"fdr_{name}", _reason(summary, entries, kind, name)
        rate = None if reason else _rate(summary, entries[kind], name)
        values |= {key: rate and rate[0], f"{key}_ci": rate and list(rate[1])}
        if reason:
            reasons |= {key: reason, f"{key}_ci": reason}
    seeds = fitting(summary, entries).get(SEEDS, {})
    for name in ("shared", *_SIDES):
        found = {key: seeds.get(key) for key in (f"reproduced_{name}", f"reproduced_{name}_ci")}
        values |= found
        if None in found.values():
            reason = _reason(summary, entries, SEEDS, name) or f"no latent is {name}"
            reasons |= dict.fromkeys(found, reason)
    return values, reasons


def _reason(summary: Mapping[str, Any], entries: Entries, kind: str, name: str) -> str:
    """Why nothing can be told; empty if it can."""
    if kind not in entries:
        return f"{NEEDS}: xc null RUN --kind {kind}"
    if is_stale(summary, entries[kind]):
        return STALE
    if summary.get(f"n_{name}") is None:
        return f"n_{name} was not measured"
    for key in _counted(kind, name):
        if entries[kind].get(key) is None:
            return f"{key} was not measured in the control"
    return "" if summary[f"n_{name}"] else f"no latent is {name}"


def _counted(kind: str, name: str) -> tuple[str, ...]:
    """Keys of a control that the rate of a class is made of."""
    if kind == SEEDS:
        return ()
    return ("n_shared",) if name == "shared" else tuple(f"n_{side}" for side in _SIDES)


def _rate(
    summary: Mapping[str, Any], control: Mapping[str, Any], name: str
) -> tuple[float | None, tuple[float, float]]:
    """The false discovery rate of a class, and its interval.

    Where A is set against itself, its two sides are two counts of the same thing.
    """
    kind = PERMUTED if name == "shared" else IDENTICAL
    counts = [control[key] for key in _counted(kind, name)]
    ends = count_interval(sum(counts), len(counts))
    estimates = [
        false_discovery_rate(
            summary[f"n_{name}"], false, alive=_alive(summary), alive_in_control=_alive(control)
        )
        for false in (sum(counts) / len(counts), *ends)
    ]
    value, low, high = (1.0 if e is None else e for e in estimates)
    return value, (low, high)


def _alive(counts: Mapping[str, Any]) -> int:
    """Latents that fire: the sum of the classes, of which thresholds may leave some out."""
    names = ("shared", "a_only", "b_only", "other")
    return sum(counts.get(f"n_{name}") or 0 for name in names)
