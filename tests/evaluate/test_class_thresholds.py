"""Where classes are cut: named sets, numbers of one's own, and what is null without a cut."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import make_world
from measured import Case

from xc.evaluate.class_thresholds import KISSANE, MINDER, ClassThresholds, class_thresholds
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.metrics import METRICS
from xc.evaluate.selection import select
from xc.store_schema import RequestError

CLASSES = ("n_shared", "n_a_only", "n_b_only", "n_other")
ASKED = ("class", "n_dead", *CLASSES, *(f"{name}_rms" for name in CLASSES))


def classed(thresholds: ClassThresholds, *, widths: tuple[int, int] = (6, 6)) -> Facts:
    world = make_world(200, 400, widths=widths)
    metrics = select(METRICS, ASKED)
    sums = {m.name: m.partial(world.block(0, 200)) for m in metrics}
    return finish_all(metrics, sums, Facts(world.decoder, thresholds=thresholds))


def test_numbers_of_minder_are_minder() -> None:
    assert replace(class_thresholds("0.1,0.1"), name="minder") == MINDER
    assert class_thresholds("minder") is MINDER


def test_kissane_cuts_relative_norms_and_states_nothing_of_exclusive_latents() -> None:
    values = classed(KISSANE).values
    alive = values["frequency"] > 0
    shared = (values["rel_norm"] > 0.3) & (values["rel_norm"] < 0.7) & alive[:, None]
    np.testing.assert_array_equal(values["class"] == "shared", shared)
    assert set(values["class"].ravel()) == {"shared", "other", "dead"}
    for name in ("n_a_only", "n_b_only", "n_a_only_rms", "n_b_only_rms"):
        assert np.isnan(values[name]).all()
    assert values["n_shared"] + values["n_other"] + values["n_dead"] == 400


def test_wider_cuts_take_more_in() -> None:
    narrow, wide = (classed(class_thresholds(t)).values for t in ("0.05,0.05", "0.25,0.25"))
    for name in ("n_shared", "n_a_only", "n_b_only"):
        assert wide[name] > narrow[name]
    assert wide["n_other"] <= 0.01 * 400 + 60  # zero rows in both


@pytest.mark.parametrize("text", ["0.3,0.3", "-0.1,0.1", "nan,0.1", "0.1", "0.1,0.1,0.1", "mindr"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="class_thresholds"):
        class_thresholds(text)


def test_a_name_nearly_right_is_suggested() -> None:
    with pytest.raises(RequestError, match="did you mean 'kissane'"):
        class_thresholds("kisane")


def test_cuts_are_told_as_delta_norm_whatever_they_cut() -> None:
    assert MINDER.summary() == pytest.approx(
        {"class_threshold_exclusive": 0.1, "class_threshold_shared": 0.1}
    )
    told = KISSANE.summary()
    assert told["class_threshold_exclusive"] is None
    assert told["class_threshold_shared"] == pytest.approx(0.5 - 0.5 * 3 / 7)
    assert KISSANE.ratios() == (pytest.approx(3 / 7), None)
    assert MINDER.ratios() == (pytest.approx(0.8), pytest.approx(0.2))


def test_an_evaluation_tells_its_cuts(make_case: "type[Case]") -> None:
    found = make_case().evaluate(class_thresholds="kissane", metrics="n_shared,n_a_only").summary
    assert found["class_threshold_shared"] == pytest.approx(0.2857, abs=1e-4)
    for key in ("class_threshold_exclusive", "n_a_only"):
        assert found[key] is None
        assert "state no cut" in found["not_measured"][key]
