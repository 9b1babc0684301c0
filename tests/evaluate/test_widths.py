"""Unequal widths: norms per dimension keep shared latents shared, and the user is told."""

import numpy as np
import pytest
from evaluating import World, make_world

from xc.evaluate.class_thresholds import KISSANE, MINDER
from xc.evaluate.widths import width_note


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
    note = width_note(make_world(5, 3, widths=widths).decoder, MINDER)
    assert (note is not None) == told
    assert not told or "A and B" in str(note)


def test_wider_thresholds_need_no_note_so_soon() -> None:
    assert width_note(make_world(5, 3, widths=(100, 50)).decoder, KISSANE) is None
