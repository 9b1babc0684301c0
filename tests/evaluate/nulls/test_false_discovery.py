"""The estimate by hand, its limits, and that its interval covers."""

import numpy as np
import pytest

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
    drawn = np.random.default_rng(0).poisson(mean, size=(2000, 2)).sum(axis=1)
    ends = {total: count_interval(int(total), 2) for total in np.unique(drawn)}
    covered = np.mean([ends[t][0] <= mean <= ends[t][1] for t in drawn])
    assert covered >= 0.95
