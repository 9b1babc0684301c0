"""nulls.json and what a summary says with and without it."""

from pathlib import Path
from typing import Any

import planted
import pytest

from xc.evaluate.nulls.results import read_entries, with_nulls, write_entry
from xc.store_schema import DamageError, RunLayout

CUTS = {"class_threshold_exclusive": 0.1, "class_threshold_shared": 0.1, "rows": 1000}
EVALUATED = {"keep": [], "class_thresholds": "minder", **CUTS}
STALE = "the control was evaluated with other thresholds or rows; run `xc null RUN` again"
COUNTS = {"n_shared": 50, "n_a_only": 20, "n_b_only": 0, "n_other": 30, "fve_b": 0.9}
SUMMARY: dict[str, Any] = {"l0": 3.0, **COUNTS, **CUTS, "not_measured": {"cka": "no"}}
IDENTICAL = {"n_shared": 194, "n_a_only": 5, "n_b_only": 1, "n_other": 0, "evaluated": EVALUATED}
PERMUTED = {"n_shared": 10, "n_a_only": 50, "n_b_only": 40, "n_other": 0, "evaluated": EVALUATED}


def test_without_controls_the_command_is_named() -> None:
    found = with_nulls(SUMMARY, {})
    assert found["fdr_a_only"] is found["fdr_a_only_ci"] is found["reproduced_shared"] is None
    assert found["not_measured"]["fdr_a_only"] == (
        "needs a null control: xc null RUN --kind identical"
    )
    assert found["not_measured"]["reproduced_b_only"].endswith("--kind seeds")
    assert found["not_measured"]["cka"] == "no"
    assert list(found)[-1] == "not_measured"


def test_rates_by_hand() -> None:
    found = with_nulls(SUMMARY, {"identical": IDENTICAL, "permuted": PERMUTED})
    assert found["fdr_a_only"] == pytest.approx(3 * 100 / 200 / 20)  # mean of both sides, alive
    low, high = found["fdr_a_only_ci"]
    assert low == pytest.approx(2.202 / 2 / 2 / 20, rel=1e-3)  # Garwood of 6, over two sides
    assert high == pytest.approx(13.06 / 2 / 2 / 20, rel=1e-3)
    assert found["fdr_b_only"] is None
    assert found["not_measured"]["fdr_b_only"] == "no latent is b_only"
    assert found["fdr_shared"] == pytest.approx(10 / 50)
    assert "fdr_a_only" not in found["not_measured"]


def test_twice_is_once() -> None:
    seeds = {"reproduced_a_only": 0.5, "reproduced_a_only_ci": [0.1, 0.9]}
    entries = {"identical": IDENTICAL, "seeds": {**seeds, "evaluated": EVALUATED}}
    once = with_nulls(SUMMARY, entries)
    assert with_nulls(once, entries) == once
    assert with_nulls(with_nulls(SUMMARY, {}), entries) == once
    assert {key: once[key] for key in seeds} == seeds
    assert once["reproduced_shared"] is None


@pytest.mark.parametrize(
    "summary", [{"l0": 1.0, "not_measured": {}}, {**SUMMARY, "n_c_only": 1}, {"n_a_only": None}]
)
def test_other_numbers_of_sources_stay_as_they_are(summary: dict[str, Any]) -> None:
    assert with_nulls(summary, {}) == summary


def test_classes_that_were_not_measured() -> None:
    found = with_nulls({**SUMMARY, "n_a_only": None}, {"identical": IDENTICAL})
    assert found["not_measured"]["fdr_a_only"] == "n_a_only was not measured"


@pytest.mark.parametrize(
    "other",
    [
        {"class_threshold_shared": 0.05},
        {"class_threshold_exclusive": None},
        {"rows": 999},
        {"rows_role_user": 400},
        {"rows_corpus_chat": 400},
    ],
)
def test_controls_evaluated_otherwise_are_ignored_with_the_reason(other: dict[str, Any]) -> None:
    seeds = {"reproduced_a_only": 0.5, "reproduced_a_only_ci": [0.1, 0.9], "evaluated": EVALUATED}
    entries = {"identical": IDENTICAL, "permuted": PERMUTED, "seeds": seeds}
    found = with_nulls({**SUMMARY, **other}, entries)
    for name in ("a_only", "b_only", "shared"):
        for key in (f"fdr_{name}", f"fdr_{name}_ci", f"reproduced_{name}", f"reproduced_{name}_ci"):
            assert found[key] is None
            assert found["not_measured"][key] == STALE
    back = with_nulls({**found, **CUTS} if set(other) <= set(CUTS) else SUMMARY, entries)
    assert back["fdr_a_only"] == pytest.approx(3 * 100 / 200 / 20)
    assert back["reproduced_a_only"] == 0.5


def test_a_control_that_does_not_tell_how_it_was_evaluated_is_ignored() -> None:
    older = {k: v for k, v in IDENTICAL.items() if k != "evaluated"}
    assert with_nulls(SUMMARY, {"identical": older})["not_measured"]["fdr_a_only"] == STALE


@pytest.mark.parametrize("gone", [{"n_a_only": None}, {"n_a_only": None, "n_b_only": None}])
def test_a_count_that_the_control_lacks_is_missing(gone: dict[str, Any]) -> None:
    entries = {"identical": {**IDENTICAL, **gone}, "permuted": {**PERMUTED, **gone}}
    found = with_nulls(SUMMARY, entries)
    assert found["fdr_a_only"] is found["fdr_a_only_ci"] is None
    assert found["not_measured"]["fdr_a_only"] == "n_a_only was not measured in the control"
    assert found["fdr_shared"] is not None


def test_entries_are_of_one_crosscoder(tmp_path: Path) -> None:
    plan = planted.make_plan(n_sequences=10)
    truth = planted.make_truth(plan.n_rows)
    store = planted.write_store(tmp_path / "acts.zarr", truth, plan)
    run = RunLayout(tmp_path / "run")
    planted.true_crosscoder(truth, store).save(run.checkpoint)
    assert read_entries(run) == {}
    run.evaluation.mkdir()
    write_entry(run, "permuted", PERMUTED)
    write_entry(run, "identical", {})
    write_entry(run, "identical", IDENTICAL)
    assert read_entries(run) == {"identical": IDENTICAL, "permuted": PERMUTED}
    planted.true_crosscoder(truth, store, threshold=0.3).save(run.checkpoint)
    assert read_entries(run) == {}
    run.nulls_json.write_text("{")
    with pytest.raises(DamageError, match="run `xc null` again"):
        read_entries(run)


@pytest.mark.parametrize(
    ("kept", "keep", "fits"),
    [
        (["user"], ["user"], True),
        (["user", "chat"], ["chat", "user"], True),
        (["user"], ["assistant"], False),
        ([], ["user"], False),
        (["user"], [], False),
        (["user"], None, True),
    ],
)
def test_controls_of_other_rows_of_the_same_number_are_ignored(
    kept: list[str], keep: list[str] | None, fits: bool
) -> None:
    control = {**IDENTICAL, "evaluated": {**EVALUATED, "keep": kept}}
    found = with_nulls(SUMMARY, {"identical": control}, keep=keep)
    assert (found["fdr_a_only"] is not None) == fits
    assert (found["not_measured"].get("fdr_a_only") == STALE) == (not fits)
