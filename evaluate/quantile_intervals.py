"""Intervals of quantiles, over rows and over latents: numbers that move in steps, so that leaving
out rows moves them not at all or far; the share below a given number moves smoothly."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.special import expit, logit, stdtrit

from xc.evaluate.facts import Facts
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.histogram import COUNTS, shares_up_to
from xc.evaluate.jackknife import LEVEL, standard_error
from xc.evaluate.metric import Metric

_FEWEST = 2


def quantile_interval(metric: Metric, groups: GroupSums) -> np.ndarray | None:
    """95 % interval of a metric that has a `percent`, from the shares of rows.

    How sure the share of rows up to every number is, the delete-a-group jackknife tells; the
    interval holds the numbers up to which the share may be the one asked for (Woodruff 1952; by the
    error at every number, not at the quantile alone: Francisco and Fuller 1991; by intervals of the
    logits of shares, since those of small shares are lopsided: Korn and Graubard 1998).

    Returns:
        float64 [2]: low and high; NaN where there is no row; None with fewer than two groups.
    """
    if metric.percent is None or groups.n < _FEWEST:
        return None
    present = groups.present(metric.name)  # of one role, say, which a group may lack
    counts = groups.of(metric.name)[COUNTS]
    n, each = len(counts), groups.without_each([metric.name])
    left_out = np.array([shares_up_to(sums[metric.name][COUNTS], n) for sums in each])[present]
    both = _band(shares_up_to(counts, n), left_out)
    return None if both is None else _crossings(both, metric.percent / 100, np.arange(n))


def median_intervals(
    metric: Metric, facts: Facts, left_out: Iterable[Facts]
) -> list[np.ndarray | None]:
    """95 % interval of every pair's value of a metric that has `members`: the same, over latents.

    Args:
        metric: the median over latents of what its `members` give.
        facts: of all rows.
        left_out: of all rows but those of one group, for each group.

    Returns:
        By pair float64 [2]: low and high, NaN where there is no latent, with or without a group;
        None if leaving out rows changes no share, or there are fewer than two groups.
    """
    if metric.members is None:
        return []
    whole, each = metric.members(facts), [metric.members(f) for f in left_out]
    return [_of_median(column, [m[:, i] for m in each]) for i, column in enumerate(whole.T)]


def _of_median(values: np.ndarray, each: Sequence[np.ndarray]) -> np.ndarray | None:
    at = np.unique(values[~np.isnan(values)])
    if not len(at):
        return np.full(2, np.nan)
    left_out = np.array([_shares_at(own, at) for own in each])
    if len(left_out) < _FEWEST or (left_out == left_out[0]).all():
        return None
    both = _band(_shares_at(values, at), left_out)
    return None if both is None else _crossings(both, 0.5, at)


def _band(shares: np.ndarray, left_out: np.ndarray) -> np.ndarray | None:
    """95 % intervals of shares [place], float64 [2, place], from those without each group; logit ±
    t·se/(share·(1 − share)). A share of 0 or 1 has no width. None with fewer than two groups.

    t has the same degrees of freedom everywhere: it is the farthest place at which the share may be
    the one asked for that counts, and there a single group often makes up all of se.
    """
    n = len(left_out)
    if n < _FEWEST:
        return None
    inside = shares * (1 - shares)
    width = stdtrit(n - 1, (1 + LEVEL) / 2) * standard_error(left_out)
    half = np.divide(width, inside, out=np.zeros_like(shares), where=inside > 0)
    band = np.where(half > 0, expit(logit(shares) + np.stack([-half, half])), shares)
    return np.where(np.isfinite(left_out).all(axis=0), band, np.nan)


def _shares_at(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Share of the latents with a value that do not exceed each number; NaN where there is none."""
    known = np.sort(values[~np.isnan(values)])
    below = np.searchsorted(known, at, side="right")
    return below / len(known) if len(known) else np.full(len(at), np.nan)


def _crossings(band: np.ndarray, share: float, at: np.ndarray) -> np.ndarray:
    """First and last number at which shares within this band [2, number] may pass a share."""
    if not np.isfinite(band).all():
        return np.full(2, np.nan)
    low, high = band
    return at[[np.argmax(high >= share), np.flatnonzero(low <= share).max(initial=-1) + 1]]
