"""Unequal widths: norms per dimension keep shared latents shared, and the user is told."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from evaluating import World, make_world
from measured import Case

from xc.evaluate import EvaluateConfig, evaluate
from xc.evaluate.class_thresholds import KISSANE, MINDER
from xc.evaluate.widths import width_note
from xc.store_schema import Checkpoint, Silent


def alike(widths: tuple[int, int]) -> World:
    """Every latent is held alike: decoder rows of one length per √dimension in both sources."""
    world = make_world(100, 40, widths=widths, zero_rows=False)
    for w in world.W:
        w[:] *= (w.shape[1] ** 0.5 / np.linalg.norm(w, axis=1))[:, None]
    return world


def test_latents_held_alike_are_shared_by_norms_per_dimension() -> None:
    world = alike((16, 4))
    values = world.facts().values
    alive = (world.f > 0).any(axis=0).sum()
    assert values["n_shared"][0] == 0
    assert values["n_other"][0] == alive
    assert values["n_shared_rms"][0] == alive
    np.testing.assert_allclose(values["delta_norm_rms"], 0.5, atol=1e-6)


def test_at_equal_widths_both_are_the_same_to_the_bit() -> None:
    values = make_world().facts().values
    for name in ("rel_norm", "delta_norm", "n_shared", "n_a_only", "n_b_only", "n_other"):
        np.testing.assert_array_equal(values[f"{name}_rms"], values[name])


@pytest.mark.parametrize(
    ("widths", "told"), [((6, 6), False), ((100, 65), False), ((100, 63), True), ((4, 16), True)]
)
def test_the_note_comes_where_shared_latents_are_lost(
    widths: tuple[int, int], *, told: bool
) -> None:
    note = width_note(widths, [w**0.5 for w in widths], MINDER)
    assert (note is not None) == told
    assert not told or "A and B" in str(note)


def test_no_note_where_lengths_are_alike_or_thresholds_wider() -> None:
    assert width_note((100, 50), (10.0, 50**0.5), KISSANE) is None
    assert width_note((100, 10), (3.0, 2.9), MINDER) is None
    assert width_note((8, 8), (1.0, 9.0), MINDER) is None


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.mark.parametrize("normalised", [True, False])
def test_an_evaluation_says_so(make_case: Callable[..., Case], *, normalised: bool) -> None:
    def to_root_of_width(checkpoint: Checkpoint) -> Checkpoint:
        return replace(checkpoint, scale=(1.0, 0.6 if normalised else 2.0))

    case = make_case(widths=(32, 12), mend=to_root_of_width)
    heard = Heard()
    config = EvaluateConfig(metrics=("l0",), report=False, bootstrap=0)
    evaluate(config, run=case.run, store=case.store, progress=heard)
    assert any("n_shared_rms" in note for note in heard.notes) == normalised
