"""The command that made a null control, or would make it."""

from collections.abc import Mapping, Sequence
from typing import Any

from xc.evaluate.nulls.conditions import IDENTICAL, KINDS, PERMUTED, PLANTED, SEEDS

ASKED = "asked"
"""Key of a control's entry: what its command said, where it was not what it says by itself."""
OPTIONS: Mapping[str, tuple[str, ...]] = {
    IDENTICAL: ("tokens",),
    PERMUTED: ("tokens", "rows", "seed"),
    SEEDS: ("tokens", "seeds"),
    PLANTED: ("tokens", "seed"),
}
"""By kind, options that what it comes to depends on."""


def command(kinds: Sequence[str], entry: Mapping[str, Any] | None = None) -> str:
    """`xc null RUN …` for some kinds, with the options that the entry of one of them tells of."""
    named = () if tuple(kinds) == KINDS else ("--kind", ",".join(kinds))
    options = _asked(entry or {})
    words = (word for name, value in options.items() for word in (f"--{name}", str(value)))
    return " ".join(("xc null RUN", *named, *words))


def _asked(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """As noted; of entries of older versions, what their numbers tell."""
    if ASKED in entry:
        return dict(entry[ASKED])
    own, of_run = entry.get("tokens"), entry.get("tokens_of_run")
    told = {"tokens": own} if None not in (own, of_run) and own != of_run else {}
    return {**told, **({"seeds": len(entry["seeds"])} if "seeds" in entry else {})}
