"""What `xc null` can be told."""

from dataclasses import dataclass

from xc.evaluate.nulls.conditions import KINDS
from xc.store_schema import RequestError, suggestion

ALL = "all"


@dataclass(frozen=True)
class NullConfig:
    """Which controls of a run are made, and how large."""

    kind: tuple[str, ...] = (ALL,)
    """Controls, several with commas: identical (A against itself), permuted (A against B's rows in
    another order), seeds (the same again from other seeds), planted (data of known truth), all."""
    tokens: int | None = None
    """Tokens that each control is trained on; none: as many as the run (planted: at most
    614,400)."""
    seeds: int = 2
    """Further seeds."""
    rows: int = 2_000_000
    """Most rows of the store with B's rows permuted."""
    seed: int = 0
    """Seed of the permutation and of the planted data."""
    device: str | None = None
    """cpu, cuda, cuda:1, auto; none: that of the run."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", _kinds(self.kind))
        for name, least in (("seeds", 1), ("rows", 2), ("seed", 0)):
            _check_at_least(name, getattr(self, name), least)
        if self.tokens is not None:
            _check_at_least("tokens", self.tokens, 1)


def _kinds(given: tuple[str, ...] | str) -> tuple[str, ...]:
    """Every kind that was asked for, once, in their order."""
    listed = [given] if isinstance(given, str) else given
    words = [word.strip() for text in listed for word in text.split(",") if word.strip()]
    for word in words:
        if word not in (*KINDS, ALL):
            raise RequestError(f"kind: no control '{word}'{suggestion(word, (*KINDS, ALL))}")
    if not words:
        raise RequestError(f"kind: expected one of {', '.join((*KINDS, ALL))}")
    return tuple(kind for kind in KINDS if kind in words or ALL in words)


def _check_at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise RequestError(f"{name}: expected at least {least}, got {value}")
