"""Means over rows of enough documents are resampled: 90 to 99 of 100 data sets, for each of them,
of roles and parts of the corpus too. Of fewer documents test_coverage.py has them."""

from functools import cache

import pytest
from simulated import Drawn, Settled, draw
from tiers import tiered

from xc.evaluate import METRICS
from xc.evaluate.bootstrap import FEW
from xc.evaluate.groups import Group, over_groups
from xc.evaluate.naming import names
from xc.evaluate.selection import select

LEAST, MOST = 0.90, 0.99
DOCUMENTS = (FEW, 150)
GROUPS = (Group("role", 3, "template"), Group("corpus", 1, "chat"))
RESAMPLED = tuple(m for m in METRICS if m.statistic is not None)
MEASURED = (*RESAMPLED, *over_groups(RESAMPLED, GROUPS))


@cache
def drawn(documents: int) -> Drawn:
    plain = select(METRICS, [m.name for m in RESAMPLED])
    metrics = (*plain, *over_groups(RESAMPLED, GROUPS))
    return draw(Settled.make(80, rare=20), metrics, n=250, documents=documents)


@pytest.mark.slow
@pytest.mark.parametrize("documents", tiered(DOCUMENTS, lambda n: n == FEW))
@pytest.mark.parametrize("key", [key for m in MEASURED for key in names(m, 2)])
def test_resampled_means_are_held(key: str, documents: int) -> None:
    data = drawn(documents)
    assert LEAST <= data.coverage(key, data.pooled[key]) <= MOST
