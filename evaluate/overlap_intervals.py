"""Intervals of overlaps with the central part of few shared latents: groups of rows are redrawn.

Where an end of the central part lies is up to the few latents beyond it, mostly such as fire in few
clusters. Without a group one of them is missing or not; but other rows would bring others, with
other ν, and that no leaving out can tell. So here rows are redrawn, and those latents with them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xc.evaluate.bootstrap import tail
from xc.evaluate.facts import Facts
from xc.evaluate.group_sets import ENOUGH
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.latent_scaling import SQUARES, error_numerator, ratio, xhat_numerator
from xc.evaluate.overlap import Overlap
from xc.evaluate.populations import ERROR, FEWEST_REDRAWN, NUS, RECONSTRUCTION
from xc.evaluate.reductions import label_of

DRAWS = 1000
"""Draws of groups with replacement."""
CELLS = 1 << 20
"""Ratios at a time: latents times draws."""
BEHIND = {ERROR: "beta_error", RECONSTRUCTION: "beta_reconstruction"}
"""The metrics whose sums the ν are of."""
_STREAM = 9

Wanted = Mapping[str, tuple[Overlap, int]]
"""By key the overlap, and the number of the pair that it is of."""


@dataclass(frozen=True)
class Latents:
    """Some latents: ν is top over bottom, sums over rows; all [group, latent]."""

    top: np.ndarray
    bottom: np.ndarray
    squares: np.ndarray
    """Σ f²: where it is 0 a latent does not fire."""

    def ratios(self, weights: np.ndarray) -> np.ndarray:
        """ν by draw, [draw, latent], groups counted so many times [draw, group]; NaN of latents
        that do not fire."""
        nu = ratio(_weighted(weights, self.top), _weighted(weights, self.bottom))
        return np.where(_weighted(weights, self.squares) > 0, nu, np.nan)

    @property
    def single(self) -> np.ndarray:
        """Which ones fire in one group alone, bool [latent]."""
        return np.asarray((self.squares > 0).sum(axis=0) == 1)

    def redrawn(self, weights: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """ν of what other rows might show, [draw, latent], NaN where there is none.

        Of latents that fire in several groups with these groups redrawn. Those of one group are a
        sample of all that seldom fire: as many as chance has it, about as many as there are, each
        with the ν of one of them.
        """
        single = self.single
        often = self.ratios(weights)[:, ~single]
        pool = self.ratios(np.ones((1, weights.shape[1])))[0, single]
        if not len(pool):
            return often
        many = generator.poisson(len(pool), len(weights))
        seldom = generator.choice(pool, (len(weights), max(int(many.max()), 1)))
        seldom[np.arange(seldom.shape[1]) >= many[:, None]] = np.nan
        return np.concatenate([often, seldom], axis=1)


def too_few(overlap: Overlap, groups: GroupSums, facts: Facts) -> np.ndarray:
    """Whether redrawing cannot tell either, bool [pair]: of fewer shared latents than
    `FEWEST_REDRAWN`, or of few groups."""
    return np.asarray((overlap.n_shared(facts) < FEWEST_REDRAWN) | (groups.n < ENOUGH))


def overlap_intervals(wanted: Wanted, groups: GroupSums, facts: Facts) -> dict[str, np.ndarray]:
    """95 % intervals: percentiles of the shares found when groups are drawn with replacement,
    expanded for the number of groups (`bootstrap.tail`).

    Args:
        wanted: which ones.
        groups: sums by group.
        facts: of all rows.

    Returns:
        By key float64 [2]: low and high; NaN where fewer than half of the draws have latents of
        both classes.
    """
    found = {}
    for name in NUS:
        own = {key: pair for key, pair in wanted.items() if pair[0].nu == name}
        for key, classes in _of_one_nu(name, own, groups, facts) if own else ():
            shares = _shares(*classes, own[key][0], facts.generator(_STREAM))
            known, share = shares[np.isfinite(shares)], tail(groups.n)
            enough = 2 * len(known) >= len(shares)
            found[key] = np.quantile(known, [share, 1 - share]) if enough else np.full(2, np.nan)
    return found


def _of_one_nu(
    name: str, wanted: Wanted, groups: GroupSums, facts: Facts
) -> Iterator[tuple[str, tuple[Latents, Latents]]]:
    """By key the exclusive latents and the shared ones."""
    metric = next(m for m in groups.metrics if m.name == BEHIND[name])
    label, numerator = label_of(metric), error_numerator if name == ERROR else xhat_numerator
    masks = {key: _masks(overlap, i, facts) for key, (overlap, i) in wanted.items()}
    rows: dict[str, tuple[list[np.ndarray], ...]] = {key: ([], []) for key in wanted}
    for group in range(groups.n):
        sums = groups.load([label], group)[label]
        along = numerator(sums, facts)
        for key, (overlap, i) in wanted.items():
            p, q = facts.pairs[i][:: -1 if overlap.own.side else 1]
            of_all = np.stack([along[:, p, q], along[:, q, q], sums[SQUARES]])
            for listed, mask in zip(rows[key], masks[key], strict=True):
                listed.append(of_all[:, mask])
    for key, both in rows.items():
        own, shared = (Latents(*np.array(each).swapaxes(0, 1)) for each in both)
        yield key, (own, shared)


def _masks(overlap: Overlap, pair: int, facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    return overlap.own.members(facts)[:, pair], overlap.shared.members(facts)[:, pair]


def _shares(
    own: Latents, shared: Latents, overlap: Overlap, generator: np.random.Generator
) -> np.ndarray:
    """The overlap in every draw, NaN where one of the classes has no latent."""
    n, latents = len(own.top), own.top.shape[1] + shared.top.shape[1]
    weights = generator.multinomial(n, np.full(n, 1 / n), DRAWS).astype(np.float64)
    at_a_time, found = max(CELLS // latents, 1), []
    for some in np.split(weights, range(at_a_time, DRAWS, at_a_time)):
        values, reference = own.redrawn(some, generator), shared.redrawn(some, generator)
        low, high = _quantiles(reference, (overlap.tail, 1 - overlap.tail))
        inside = ((values >= low[:, None]) & (values <= high[:, None])).sum(axis=1)
        there = np.where(np.isfinite(low), np.isfinite(values).sum(axis=1), 0)
        found.append(np.divide(inside, there, out=np.full(len(some), np.nan), where=there > 0))
    return np.concatenate(found)


def _quantiles(values: np.ndarray, shares: Sequence[float]) -> list[np.ndarray]:
    """Quantiles of the finite numbers of each row, by share [row]; NaN where there is none."""
    ordered = np.sort(values, axis=1)  # NaN come last
    last = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0)
    row = np.arange(len(values))
    found = []
    for share in shares:
        place = share * last
        below = np.floor(place).astype(np.int64)
        low, high = ordered[row, below], ordered[row, np.minimum(below + 1, last)]
        found.append(low + (place - below) * (high - low))
    return found


def _weighted(weights: np.ndarray, sums: np.ndarray) -> np.ndarray:
    return np.asarray(weights @ sums)
