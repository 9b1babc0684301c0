"""The sketch of activations: within its stated error, the same however rows are cut, bounded."""

import numpy as np
import pytest
from evaluating import World, latent_rows, make_world
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.activation_sketch import (
    COUNTS,
    KEYS,
    RELATIVE_ERROR,
    merge_sketches,
    quantiles,
    sketch,
)


def world_of(f: np.ndarray) -> World:
    world = make_world(len(f), f.shape[1])
    return World(
        f.astype(np.float32), world.x, world.W, world.b, world.sequence, world.centre,
        world.scale, world.role,
    )  # fmt: skip


@pytest.mark.parametrize("percent", [1, 50, 90, 99, 100])
def test_quantiles_are_within_the_stated_error(percent: int) -> None:
    rng = np.random.default_rng(0)
    f = np.exp(rng.normal(0, 3, (3000, 8))) * (rng.random((3000, 8)) < 0.4)
    found = quantiles(sketch(world_of(f).block(0, 3000)), percent, 8)
    for j in range(8):
        fired = np.sort(f[:, j][f[:, j] > 0].astype(np.float32))
        exact = fired[-(-percent * len(fired) // 100) - 1]
        assert found[j] == pytest.approx(exact, rel=RELATIVE_ERROR)


@given(st.lists(st.floats(0, 2.0**127, width=32), min_size=1, max_size=40), st.integers(0, 40))
def test_any_cut_gives_the_same_bits(values: list[float], cut: int) -> None:
    f = np.array(values, dtype=np.float32)[:, None]
    world = world_of(f)
    cut = min(cut, len(f))
    merged = merge_sketches(sketch(world.block(cut, len(f))), sketch(world.block(0, cut)))
    whole = sketch(world.block(0, len(f)))
    for name in (KEYS, COUNTS):
        np.testing.assert_array_equal(merged[name], whole[name])


def test_it_grows_with_the_range_not_with_the_rows() -> None:
    rng = np.random.default_rng(1)
    sizes = []
    for n in (2_000, 20_000):
        world = world_of(rng.uniform(1, 16, (n, 2)))
        sizes.append(len(sketch(world.block(0, n))[KEYS]))
    assert max(sizes) <= 2 * 4 * 16


def test_no_latent_fires_gives_no_quantile() -> None:
    empty = sketch(world_of(np.zeros((3, 2))).block(0, 3))
    assert np.isnan(quantiles(merge_sketches(empty, empty), 50, 2)).all()


def test_large_dictionaries_and_large_counts_do_not_overflow() -> None:
    rows = latent_rows(np.zeros((1, 1_000_000), np.float32))
    assert rows.d_sae == 1_000_000
    part = {KEYS: np.array([999_999 * 8192 + 2032]), COUNTS: np.array([2**31 - 1], np.int32)}
    merged = merge_sketches(part, part)
    assert merged[COUNTS].tolist() == [2 * (2**31 - 1)]
    assert quantiles(merged, 50, 1_000_000)[-1] == pytest.approx(1.0, rel=RELATIVE_ERROR)
