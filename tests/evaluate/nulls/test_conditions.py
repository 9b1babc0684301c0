"""In what controls may be unlike their run: told in words, or reason enough to leave them out."""

from typing import Any

import pytest

from xc.evaluate.equal_l0 import L0_TOLERANCE
from xc.evaluate.nulls.conditions import (
    conditions,
    fitting,
    has_other_l0,
    is_stale,
    of_seeds,
    remarks,
)

SUMMARY: dict[str, Any] = {
    "l0": 10.0, "fve": 0.9, "class_threshold_exclusive": 0.1, "class_threshold_shared": 0.1,
    "rows": 7, "rows_role_user": 3, "sinks_a": 2, "row": 1,
}  # fmt: skip
EVALUATED = {"keep": ["user"], **conditions(SUMMARY)}


def test_conditions_are_the_cuts_and_the_rows() -> None:
    assert set(SUMMARY) - set(conditions(SUMMARY)) == {"l0", "fve", "sinks_a", "row"}
    assert conditions(EVALUATED) == conditions(SUMMARY)


def test_what_fits_is_kept() -> None:
    entries = {"identical": {"evaluated": EVALUATED}, "seeds": {}, "planted": {"evaluated": None}}
    assert list(fitting(SUMMARY, entries)) == ["identical"]
    fewer = {k: v for k, v in SUMMARY.items() if k != "rows_role_user"}
    assert is_stale(fewer, entries["identical"])


@pytest.mark.parametrize(("l0", "apart"), [(10.9, False), (11.1, True), (9.2, False), (9.0, True)])
def test_l0_is_marked_beyond_the_tolerance_of_comparisons(l0: float, apart: bool) -> None:
    assert L0_TOLERANCE == 0.1
    entries = {"identical": {"l0": l0}, "permuted": {"l0": 10.0}, "planted": {"l0": 99.0}}
    assert has_other_l0(SUMMARY, entries["identical"]) == apart
    said = remarks(SUMMARY, entries)
    assert len(said) == apart
    assert all(f"10.0 in this run and {l0:.1f} in the control identical" in s for s in said)


def test_unknown_l0_is_not_marked() -> None:
    assert not has_other_l0(SUMMARY, {"l0": None})
    assert not has_other_l0({}, {"l0": 3.0})


def test_an_other_seed_whose_l0_is_apart_is_told_by_name() -> None:
    seeds = {"seeds": [1, 11], "l0_seed_1": 12.0, "l0_seed_11": 10.5, "fve_seed_11": 0.8}
    assert of_seeds(seeds) == {1: {"l0": 12.0}, 11: {"l0": 10.5, "fve": 0.8}}
    assert of_seeds({"seeds": [1]}) == {}
    (said,) = remarks(SUMMARY, {"seeds": seeds})
    assert said.startswith("≠ L0 is 10.0 in this run and 12.0 in that of seed 1: ")
    assert remarks(SUMMARY, {"seeds": {**seeds, "l0_seed_1": None}}) == ()


def test_fewer_tokens_are_told_once() -> None:
    told = {"tokens": 1000, "tokens_of_run": 6400}
    (found,) = remarks(SUMMARY, dict.fromkeys(("identical", "permuted", "seeds", "planted"), told))
    assert found == (
        "The controls identical, permuted and seeds were trained on 1,000 tokens, this run on "
        "6,400: what more training changes is not in them"
    )
    apart = remarks(SUMMARY, {"identical": told, "seeds": {**told, "tokens": 2000}})
    assert [sentence.partition(" tokens")[0] for sentence in apart] == [
        "The control identical was trained on 1,000", "The control seeds was trained on 2,000",
    ]  # fmt: skip
    for other in ({"tokens": 6400}, {"tokens": None}, {"tokens_of_run": None}):
        assert remarks(SUMMARY, {"permuted": {**told, **other}}) == ()
