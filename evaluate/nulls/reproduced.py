"""Which latents other seeds find again, in the same class."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from xc.evaluate.decoder_pairs import DEAD, SHARED
from xc.evaluate.nulls.matching import LOOSE, STRICT, Matches, match, turned

A_ONLY, B_ONLY = "a_only", "b_only"
CLASSES = (SHARED, A_ONLY, B_ONLY, "other")
"""Classes whose latents are looked for; the dead are not."""


@dataclass(frozen=True)
class Dictionary:
    """The decoder of a crosscoder of two sources, and the classes of its latents."""

    classes: np.ndarray
    """str [latent]."""
    W_dec: tuple[np.ndarray, np.ndarray]
    """Of A and B [latent, d_model], as normalised in training."""

    def rows(self, of: str, among: np.ndarray) -> np.ndarray:
        """Decoder rows that stand for latents of a class: those of the source that owns it, or of
        both, one behind the other.

        Args:
            of: the class.
            among: int64 [n], the latents.
        """
        if of in (A_ONLY, B_ONLY):
            return np.asarray(self.W_dec[0 if of == A_ONLY else 1][among])
        return np.concatenate([w[among] for w in self.W_dec], axis=1)

    def widths(self, of: str) -> tuple[int, ...]:
        """Widths of the parts of `rows`."""
        widths = tuple(w.shape[1] for w in self.W_dec)
        return {A_ONLY: widths[:1], B_ONLY: widths[1:]}.get(of, widths)

    def of_class(self, name: str) -> np.ndarray:
        """int64: latents of a class."""
        return np.flatnonzero(self.classes == name)

    @property
    def alive(self) -> np.ndarray:
        """int64: latents that fire."""
        return np.flatnonzero(self.classes != DEAD)


@dataclass(frozen=True)
class Reproduction:
    """What one other seed has of a dictionary."""

    partner: np.ndarray
    """int64 [latent]: the latent of the same class that is its partner, one to one; −1: none."""
    cosine: np.ndarray
    """float64 [latent]: their cosine, NaN where there is none."""
    best: np.ndarray
    """float64 [latent]: largest cosine with a latent of the same class; NaN of the dead, and where
    there is none of the class."""
    anywhere: np.ndarray
    """float64 [latent]: the same with any latent that fires, whatever its class."""
    chance: np.ndarray
    """bool [latent]: has a partner in the other dictionary turned by a random rotation."""


def reproduce(first: Dictionary, other: Dictionary, rng: np.random.Generator) -> Reproduction:
    """Look for the latents of one dictionary among those of the same class in another.

    Args:
        first: the one whose latents are looked for.
        other: of another seed.
        rng: of the rotation that chance is measured with.
    """
    n = len(first.classes)
    partner, cosine = np.full(n, -1), np.full(n, np.nan)
    best, anywhere = np.full(n, np.nan), np.full(n, np.nan)
    chance = np.zeros(n, dtype=bool)
    for name in CLASSES:
        mine, theirs = first.of_class(name), other.of_class(name)
        left, right = first.rows(name, mine), other.rows(name, theirs)
        found: Matches = match(left, right)
        has = found.partner >= 0
        partner[mine[has]] = theirs[found.partner[has]]
        cosine[mine], best[mine] = found.cosine, found.best
        anywhere[mine] = match(left, other.rows(name, other.alive)).best
        by_chance = match(left, turned(right, other.widths(name), rng))
        chance[mine] = by_chance.partner >= 0
    return Reproduction(partner, cosine, best, anywhere, chance)


def fractions(first: Dictionary, found: Sequence[Reproduction]) -> dict[str, Any]:
    """Means over seeds of the share of each class that is found again; None of an empty class.

    `reproduced_<class>`: with a partner of cosine above 0.7, one to one, in the same class;
    `…_strict`: above 0.9; `…_best`: a latent of the same class above 0.7, which several may share;
    `…_anywhere`: any latent above 0.7, whatever its class; `…_chance`: a partner in the other
    dictionary after a random rotation. `reproduced_<class>_ci`: 95 % interval over latents.
    """
    out: dict[str, Any] = {}
    for name in CLASSES:
        of = first.of_class(name)
        for suffix, hits in _hits(found).items():
            share = float(hits[:, of].mean()) if len(of) and len(found) else None
            out[f"reproduced_{name}{suffix}"] = share
            if not suffix:
                out[f"reproduced_{name}_ci"] = None if share is None else _interval(share, len(of))
    return out


def _interval(share: float, n: int) -> list[float]:
    """95 % interval of a share of n latents, taken as independent of each other (Wilson 1927)."""
    z2 = 1.959963984540054**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return [max(0.0, middle - half), min(1.0, middle + half)]


def _hits(found: Sequence[Reproduction]) -> Mapping[str, np.ndarray]:
    """bool [seed, latent] by suffix."""
    return {
        "": np.array([f.partner >= 0 for f in found]),
        "_strict": np.array([f.cosine >= STRICT for f in found]),
        "_best": np.array([f.best >= LOOSE for f in found]),
        "_anywhere": np.array([f.anywhere >= LOOSE for f in found]),
        "_chance": np.array([f.chance for f in found]),
    }


def table(first: Dictionary, found: Mapping[int, Reproduction]) -> pa.Table:
    """One row per latent: class, share of seeds that have it, and its partner in each seed.

    Args:
        first: the dictionary.
        found: by seed.
    """
    dead = first.classes == DEAD
    hits = _hits(list(found.values()))
    columns: dict[str, pa.Array] = {
        "latent": pa.array(np.arange(len(dead)), pa.int32()),
        "class": pa.array(first.classes.tolist(), pa.string()),
        "reproduced": _numbers(hits[""].mean(axis=0), dead),
        "reproduced_strict": _numbers(hits["_strict"].mean(axis=0), dead),
        "cosine": _numbers(_mean([f.best for f in found.values()]), dead),
    }
    for seed, f in found.items():
        missing = f.partner < 0
        columns[f"partner_seed_{seed}"] = pa.array(f.partner, pa.int32(), mask=missing)
        columns[f"cosine_seed_{seed}"] = _numbers(f.cosine, missing)
    return pa.table(columns)


def _mean(of_seeds: Sequence[np.ndarray]) -> np.ndarray:
    """Over the seeds that have any latent of the class [latent]; NaN where none has."""
    values = np.array(of_seeds)
    known = np.isfinite(values)
    total, many = np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0)
    found = np.divide(total, many, out=np.full(total.shape, np.nan), where=many > 0)
    return np.asarray(found)


def _numbers(values: np.ndarray, missing: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=missing | ~np.isfinite(values))
