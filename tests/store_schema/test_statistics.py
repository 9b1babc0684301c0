"""Moments: equal to an exact oracle on hostile data, in any grouping and order."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.store_schema.bfloat16 import BFLOAT16
from xc.store_schema.statistics import (
    Moments,
    SourceStatistics,
    finish,
    merge_all,
    moments,
    zero_moments,
)


def hostile(n: int = 3000, d: int = 5, seed: int = 0) -> np.ndarray:
    """Means of 10,000 standard deviations, a massive dimension, and a tiny one; float32."""
    rng = np.random.default_rng(seed)
    scale = np.array([1.0, 1.0, 1e3, 1e-6, 1e-20])[:d]
    mean = np.array([1e4, -1e4, 1e7, 0.0, 1e-16])[:d]
    return (rng.normal(size=(n, d)) * scale + mean).astype(np.float32)


def everything(rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows), dtype=bool)


def agree(a: SourceStatistics, b: SourceStatistics, rtol: float) -> None:
    rms = np.sqrt(b.mean**2 + b.variance)
    assert a.n == b.n
    assert (np.abs(a.mean - b.mean) <= rtol * rms).all()
    assert (np.abs(a.variance - b.variance) <= rtol * (b.variance + 1e-4 * b.mean**2)).all()
    np.testing.assert_allclose([a.mean_norm, a.rms_norm], [b.mean_norm, b.rms_norm], rtol=rtol)


def exact(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population variance in rational arithmetic."""
    mean, variance = [], []
    for column in rows.T:
        values = [Fraction(float(v)) for v in column]
        centre = sum(values) / len(values)
        mean.append(float(centre))
        variance.append(float(sum((v - centre) ** 2 for v in values) / len(values)))
    return np.array(mean), np.array(variance)


def test_equal_to_rational_arithmetic_on_hostile_data() -> None:
    rows = hostile(500)
    mean, variance = exact(rows)
    found = finish(moments(rows, everything(rows)))
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-9)


def test_equal_to_numpy_in_float64() -> None:
    rows = hostile(9000)
    x = rows.astype(np.float64)
    found = finish(moments(rows, everything(rows)))
    norms = np.linalg.norm(x, axis=1)
    oracle = SourceStatistics(
        len(x), x.mean(axis=0), x.var(axis=0), norms.mean(), float(np.sqrt((norms**2).mean()))
    )
    agree(found, oracle, 1e-11)


def test_the_naive_float32_sum_fails_where_this_holds() -> None:
    rows = hostile(9000)[:, :2]
    naive = (rows**2).mean(axis=0) - rows.mean(axis=0) ** 2
    assert (np.abs(naive / rows.astype(np.float64).var(axis=0) - 1) > 0.5).any()


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 400), max_size=6),
    order=st.randoms(use_true_random=False),
    seed=st.integers(0, 5),
)
def test_any_grouping_and_order_agree(cuts: list[int], order: object, seed: int) -> None:
    rows = hostile(400, seed=seed)
    parts = [
        moments(part, everything(part)) for part in np.split(rows, sorted(cuts))
    ]  # some are empty
    order.shuffle(parts)  # type: ignore[attr-defined]
    agree(finish(merge_all(parts, 5)), finish(moments(rows, everything(rows))), 1e-12)


def test_merging_is_associative_and_nothing_is_neutral() -> None:
    a, b, c = (moments(part, everything(part)) for part in np.split(hostile(600), [100, 350]))
    agree(finish(a.merge(b).merge(c)), finish(a.merge(b.merge(c))), 1e-12)
    none = zero_moments(5)
    np.testing.assert_array_equal(none.merge(a).pack(), a.pack())
    np.testing.assert_array_equal(a.merge(none).pack(), a.pack())
    np.testing.assert_array_equal(none.merge(none).pack(), none.pack())


def test_only_kept_rows_count() -> None:
    rows = hostile(300)
    keep = np.arange(300) % 3 == 0
    masked = rows.copy()
    masked[~keep] = np.nan
    kept = rows[keep]
    np.testing.assert_array_equal(
        moments(masked, keep).pack(), moments(kept, everything(kept)).pack()
    )


def test_no_rows_give_zeros_not_nan() -> None:
    found = finish(moments(hostile(10), np.zeros(10, dtype=bool)))
    assert (found.n, found.mean_norm, found.rms_norm) == (0, 0, 0)
    assert not found.mean.any()
    assert not found.variance.any()


def test_statistics_are_those_of_the_stored_values() -> None:
    rows = hostile(200).astype(BFLOAT16)
    wide = rows.astype(np.float32)
    np.testing.assert_array_equal(
        moments(rows, everything(rows)).pack(), moments(wide, everything(wide)).pack()
    )


def test_packing_is_the_identity() -> None:
    found = moments(hostile(50), np.ones(50, dtype=bool))
    packed = found.pack()
    assert packed.dtype == np.float64
    assert packed.shape == (3 + 2 * 5,)
    again = Moments.unpack(packed)
    np.testing.assert_array_equal(again.pack(), packed)
    assert (again.n, again.norm_sum) == (found.n, found.norm_sum)


def test_scalars_are_what_the_attributes_hold() -> None:
    found = finish(moments(hostile(50), np.ones(50, dtype=bool)))
    assert found.scalars() == pytest.approx(
        {"n": 50, "mean_norm": found.mean_norm, "rms_norm": found.rms_norm}
    )
