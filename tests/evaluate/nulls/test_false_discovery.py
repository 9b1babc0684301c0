"""The estimate by hand, its limits, and that its interval covers."""

import pytest
from scipy.stats import poisson

from xc.evaluate.nulls.false_discovery import count_interval, false_discovery_rate


def test_by_hand() -> None:
    assert false_discovery_rate(40, 5.0, alive=800, alive_in_control=400) == pytest.approx(0.25)
    assert false_discovery_rate(4, 5.0, alive=10, alive_in_control=10) == 1.0
    assert false_discovery_rate(4, 0.0, alive=10, alive_in_control=10) == 0.0
    assert false_discovery_rate(0, 5.0, alive=10, alive_in_control=10) is None
    assert false_discovery_rate(4, 5.0, alive=10, alive_in_control=0) is None


def test_intervals_of_counts() -> None:
    """Garwood's table: 0 gives 3.689, 5 gives 1.623 to 11.668."""
    assert count_interval(0) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert count_interval(5) == pytest.approx((1.623, 11.668), abs=1e-3)
    assert count_interval(5, exposures=2) == pytest.approx((0.812, 5.834), abs=1e-3)


@pytest.mark.parametrize("mean", [0.3, 2.0, 15.0])
def test_intervals_cover(mean: float) -> None:
    """Exactly, over all totals of two counts: 97.7, 96.0 and 95.6 of 100."""
    totals = range(200)
    held = [low <= mean <= high for low, high in (count_interval(total, 2) for total in totals)]
    assert 0.95 <= held @ poisson.pmf(totals, 2 * mean) <= 0.98
