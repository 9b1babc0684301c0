"""Mean cosine of unrelated latents, and again without some latents at next to no cost."""

from dataclasses import dataclass

import numpy as np

from xc.evaluate.facts import Facts

_BLOCK = 4096
"""Rows that are held in float64 at a time."""

Sides = tuple[np.ndarray, np.ndarray]
"""[latent, d_model] of each source, of equal width."""


@dataclass(frozen=True)
class _Sums:
    """Over some latents, u and v the directions of norm 1, zero where there is none."""

    members: np.ndarray
    """bool [latent]."""
    directions: tuple[np.ndarray, np.ndarray]
    """Σ u and Σ v, float64 [d_model]."""
    own: float
    """Σ ⟨u_i, v_i⟩."""
    counts: np.ndarray
    """Latents with a direction in p, in q, in both."""

    @classmethod
    def of(cls, sides: Sides, members: np.ndarray) -> "_Sums":
        sums, own, counts = [np.zeros(sides[0].shape[1])] * 2, 0.0, np.zeros(3)
        listed = np.flatnonzero(members)
        for i in range(0, len(listed), _BLOCK):
            units = [_unit(side[listed[i : i + _BLOCK]]) for side in sides]
            there = [unit.any(axis=1) for unit in units]
            sums = [old + unit.sum(axis=0) for old, unit in zip(sums, units, strict=True)]
            own += float(np.vdot(*units))
            counts += [there[0].sum(), there[1].sum(), (there[0] & there[1]).sum()]
        return cls(members, (sums[0], sums[1]), own, counts)

    def without(self, sides: Sides, members: np.ndarray) -> "_Sums":
        """Over those of them that are members."""
        gone = _Sums.of(sides, self.members & ~members)
        left = [a - b for a, b in zip(self.directions, gone.directions, strict=True)]
        counts = self.counts - gone.counts
        return _Sums(members, (left[0], left[1]), self.own - gone.own, counts)

    def mean(self) -> float:
        pairs = self.counts[0] * self.counts[1] - self.counts[2]
        if not pairs:
            return float("nan")
        p, q = self.directions
        return float(np.clip((p @ q - self.own) / pairs, -1.0, 1.0))


def random_cosine(facts: Facts, what: str, pair: tuple[int, int], sides: Sides) -> float:
    """Mean cosine over all pairs of different latents that fire; NaN if there are none.

    Σ_{i≠k} ⟨u_i, v_k⟩ = ⟨Σ u_i, Σ v_k⟩ − Σ ⟨u_i, v_i⟩ for unit vectors: no pair is formed. The sums
    over the first set of latents asked for are remembered, and those over its subsets follow from
    them: intervals ask for many.

    Args:
        facts: needs `frequency`.
        what: a name for the directions.
        pair: numbers of both sources.
        sides: the directions.
    """
    known = facts.decoder.derived
    base: _Sums | None = known.get((random_cosine, what, pair))
    if base is None or (facts.alive & ~base.members).any():
        base = known[random_cosine, what, pair] = _Sums.of(sides, facts.alive)
    return base.without(sides, facts.alive).mean()


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of norm 1, float64; zero where there is no direction."""
    wide = rows.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    return unit
