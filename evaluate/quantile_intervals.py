"""Intervals of quantiles over rows: numbers that move in steps, so that leaving out rows moves
them not at all or far; the share of rows below them moves smoothly."""

import numpy as np

from xc.evaluate.group_sums import GroupSums
from xc.evaluate.histogram import COUNTS, at_share, quantile, share_up_to
from xc.evaluate.jackknife import jackknife
from xc.evaluate.metric import Metric


def quantile_interval(metric: Metric, groups: GroupSums) -> np.ndarray | None:
    """95 % interval of a metric that has a `percent`, from the shares of rows (Woodruff 1952).

    How sure the share of rows up to the quantile is, the delete-a-group jackknife tells; the ends
    are the quantiles at so much less and so much more than the share asked for.

    Returns:
        float64 [2]: low and high; None with fewer than two groups.
    """
    if metric.percent is None or groups.n < 2:
        return None
    present = groups.present(metric.name)  # of one role, say, which a group may lack
    counts = groups.of(metric.name)[COUNTS]
    value = quantile(counts, metric.percent)
    share = share_up_to(counts, value)
    left_out = [
        share_up_to(sums[metric.name][COUNTS], value) for sums in groups.without_each([metric.name])
    ]
    free = (-float("inf"), float("inf"))
    both = jackknife(np.array(share), np.array(left_out)[present], bounds=free)
    if both is None or not np.isfinite(both).all():
        return both
    ends = metric.percent / 100 + both - share
    return np.array([at_share(counts, end) for end in ends])
