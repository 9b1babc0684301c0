"""Choosing metrics by name."""

import pytest

from xc.evaluate.metrics import METRICS
from xc.evaluate.selection import select
from xc.store_schema import RequestError


def chosen(*names: str) -> list[str]:
    return [m.name for m in select(METRICS, names)]


def test_none_named_means_all() -> None:
    assert chosen() == [m.name for m in METRICS]


def test_what_is_needed_comes_too_in_order() -> None:
    assert chosen("n_shared") == ["frequency", "rel_norm", "delta_norm", "class", "n_shared"]
    assert chosen("l0") == ["l0"]


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(RequestError, match="did you mean 'sharedness'"):
        chosen("sharednes")
