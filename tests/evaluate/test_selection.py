"""Choosing metrics by name."""

import pytest

from xc.evaluate.metrics import METRICS
from xc.evaluate.selection import is_fuller, select
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


def test_keys_and_columns_are_understood() -> None:
    assert chosen("fve_a") == chosen("fve_b_ci") == chosen("fve_a_role_user") == ["fve"]
    assert chosen("fve") == ["fve", "fve_pooled"]
    assert chosen("norm_b") == ["norm"]
    assert "nu_error" in chosen("nu_error_mirror")
    assert {"class", "max_activation"} <= set(chosen("n_twins"))


def test_they_follow_the_number_of_sources() -> None:
    with pytest.raises(RequestError, match="did you mean"):
        chosen("fve_c")
    names = [m.name for m in select(METRICS, ["fve_c", "n_c_only", "n_persistence_3"], 3)]
    assert {"fve", "class", "persistence"} <= set(names)


def test_nothing_near_gives_the_names_alone() -> None:
    with pytest.raises(RequestError, match="known: ") as told:
        chosen("§")
    assert "norm_b" not in str(told.value)


def test_fuller_means_all_of_it_and_more() -> None:
    assert is_fuller(METRICS, (), ("l0",))
    assert is_fuller(METRICS, ("class", "l0"), ("delta_norm",))
    assert not is_fuller(METRICS, ("l0",), ())
    assert not is_fuller(METRICS, ("l0",), ("l0",))
    assert not is_fuller(METRICS, ("l0",), ("fve",))
    assert not is_fuller(METRICS, ("of another version",), ("fve",))
