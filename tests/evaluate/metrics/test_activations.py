"""Comparisons of activations: SciPy's numbers, what they must not depend on, and equal sources."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from activation_oracles import COMPARISONS, compare
from evaluating import Dense, World, assert_same, make_world
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard, orthogonal_procrustes, subspace_angles
from scipy.stats import ortho_group
from sklearn.cross_decomposition import CCA

from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.metric import add
from xc.evaluate.metrics import METRICS
from xc.evaluate.moments import ALIKE, MOMENTS, moment_sums
from xc.evaluate.selection import select

NAMES = tuple(COMPARISONS)
TABLE = select(METRICS, NAMES)


def related(widths: tuple[int, int] = (7, 11), n_rows: int = 200, *, offset: float = 0.0) -> World:
    """Two sources with three directions in common, of variances 1 to 100."""
    world = make_world(n_rows, 4, widths=widths)
    rng = np.random.default_rng(8)
    common = rng.normal(size=(n_rows, 3))
    x = [
        (common @ rng.normal(size=(3, w)) + rng.normal(size=(n_rows, w))) * np.linspace(1, 10, w)
        for w in widths
    ]
    return with_rows(world, *(rows + offset for rows in x))


def with_rows(world: World, *x: np.ndarray) -> World:
    return replace(world, x=tuple(rows.astype(np.float32) for rows in x))


def values(world: World) -> dict[str, float]:
    cuts = [0, world.n_rows // 3, world.n_rows // 2, world.n_rows]
    sums = reduce(add, (moment_sums(world.block(a, b)) for a, b in pairwise(cuts)))
    found = finish_all(TABLE, {MOMENTS: sums}, Facts(world.decoder)).values
    return {name: float(found[name][0]) for name in NAMES}


def test_scipy_agrees() -> None:
    world = related((9, 9))
    p, q = (Dense(world).x(m) - Dense(world).x(m).mean(axis=0) for m in (0, 1))
    found = values(world)
    angles = np.cos(subspace_angles(p, q))
    assert found["cca"] == pytest.approx(float((angles**2).mean()), abs=1e-10)
    _, nuclear = orthogonal_procrustes(p, q)
    scale = np.linalg.norm(p) * np.linalg.norm(q)
    assert found["procrustes"] == pytest.approx(nuclear / scale, abs=1e-10)


def two_in_common(seed: int) -> World:
    """120 rows of four and of five numbers, with two directions in common."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(120, 2))
    x = [common @ rng.normal(size=(2, w)) + rng.normal(size=(120, w)) for w in (4, 5)]
    return with_rows(make_world(120, 4, widths=(4, 5)), *x)


@pytest.mark.parametrize("seed", [2024, 1, 2])
def test_scikit_learn_agrees(seed: int) -> None:
    world = two_in_common(seed)
    x = [rows.astype(np.float64) for rows in world.x]
    variates = CCA(n_components=4, scale=False, max_iter=10_000, tol=1e-13).fit(*x).transform(*x)
    pairs = zip(*(v.T for v in variates), strict=True)
    rho = np.array([np.corrcoef(p, q)[0, 1] for p, q in pairs])
    assert values(world)["cca"] == pytest.approx(float((rho**2).mean()), abs=1e-9)


def test_statsmodels_agrees() -> None:
    """What statsmodels 0.15 (CanCorr), which is no dependency of the tests, finds on these rows."""
    told = np.array([0.80150394, 0.77131652, 0.20351838, 0.14439625])
    found = values(two_in_common(2024))
    assert found["cca"] == pytest.approx(float((told**2).mean()), abs=1e-7)
    assert found["cca"] == pytest.approx(0.3249019375217534, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_equals_the_oracle_on_rows(name: str, offset: float) -> None:
    world = related(offset=offset)
    assert values(world)[name] == pytest.approx(compare(Dense(world), name)[0], abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    n_rows=st.integers(1, 30),
    widths=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    rank=st.integers(0, 6),
    seed=st.integers(0, 1000),
)
def test_few_rows_and_missing_ranks(
    *, n_rows: int, widths: tuple[int, int], rank: int, seed: int
) -> None:
    world = make_world(n_rows, 3, widths=widths, seed=seed)
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(n_rows, rank)) @ rng.normal(size=(rank, w)) for w in widths]
    world = with_rows(world, *x)
    found = values(world)
    for name in NAMES:
        if name not in ("pwcca", "cca_chance"):  # equal ρ leave weights open; float32 leaves rank
            expected = compare(Dense(world), name)
            if name != "cca" or rank >= max(widths):
                assert_same(np.array([found[name]]), expected, atol=1e-5)
        assert np.isnan(found[name]) or 0 <= found[name] <= 1


@pytest.mark.parametrize("rank", [6, 2])
def test_equal_sources_are_alike_exactly(rank: int) -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(50, rank)) @ rng.normal(size=(rank, 6))
    found = values(with_rows(make_world(50, 4), rows, rows))
    assert [found[name] for name in ALIKE] == [1.0] * 5


def test_sources_that_do_not_vary_are_not_compared() -> None:
    world = make_world(20, 4)
    still = with_rows(world, np.full((20, 6), 3.7), np.full((20, 6), 3.7))
    assert np.isnan(list(values(still).values())).all()


def orthogonal(p: dict[int, float], q: dict[int, float]) -> dict[str, float]:
    """Columns of both are multiples of those of a Hadamard matrix: sums without rounding."""
    columns = hadamard(16)
    x = [columns[:, list(of)] * np.array(list(of.values())) for of in (p, q)]
    world = with_rows(make_world(16, 4, widths=(len(p), len(q))), *x)
    return values(replace(world, centre=tuple(np.zeros(len(of)) for of in (p, q))))


def test_sources_that_share_nothing_at_all() -> None:
    for p, q in (({1: 1.0, 2: 3.0}, {4: 1.0, 8: 2.0}), ({1: 1.0}, {2: 1.0, 3: 1.0, 4: 1.0})):
        found = orthogonal(p, q)
        assert [found[name] for name in ALIKE] == [0.0] * 5
        assert orthogonal(q, p) == found


def test_a_direction_of_one_source_alone_weighs() -> None:
    found = orthogonal({1: 1.0, 2: 3.0}, {1: 1.0, 4: 2.0})
    assert found["cca"] == pytest.approx(1 / 2, abs=1e-12)
    assert found["pwcca"] == pytest.approx((1 / 4 + 1 / 3) / 2, abs=1e-12)
    wider = orthogonal({1: 1.0, 2: 3.0}, {1: 1.0, 4: 2.0, 8: 2.0})
    assert 0.2 < wider["pwcca"] < 1 / 3


def test_rotation_scale_and_offset_change_nothing() -> None:
    world = related((7, 7))
    plain = values(world)
    turned = world.x[1] @ ortho_group.rvs(7, random_state=1) * 5.0 + 2.0
    found = values(with_rows(world, world.x[0], turned))
    for name in NAMES:
        if name != "pwcca":  # its weights are of coordinates
            assert found[name] == pytest.approx(plain[name], abs=1e-5), name
    moved = values(with_rows(world, world.x[0], world.x[0] @ ortho_group.rvs(7, random_state=2)))
    assert [moved[name] for name in ALIKE] == pytest.approx([1.0] * 5, abs=1e-6)


def test_only_canonical_correlations_ignore_any_linear_map() -> None:
    world = related((7, 7))
    bent = world.x[0] @ np.diag(10.0 ** np.linspace(-2, 2, 7)) @ ortho_group.rvs(7, random_state=3)
    found = values(with_rows(world, world.x[0], bent))
    assert found["cca"] == pytest.approx(1.0, abs=1e-6)
    assert found["cka"] < 0.9
    assert found["procrustes"] < 0.9


HASHED = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from evaluating import make_world
from xc.evaluate.moments import moment_sums
world = make_world(1000, 3, widths=(130, 257))
print(hashlib.sha256(moment_sums(world.block(0, 1000))["products"].tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_the_same_bits_however_many_threads_blas_runs() -> None:
    support = str(Path(__file__).parents[2] / "support")
    found = set()
    for threads in ("1", "4"):
        variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        told = subprocess.run(
            [sys.executable, "-c", HASHED, support],
            env={**os.environ, **variables}, check=True, capture_output=True, text=True,
        )  # fmt: skip
        found.add(told.stdout)
    assert len(found) == 1


def test_chance_is_the_mean_over_permuted_rows() -> None:
    world = related((5, 6), 60)
    rng = np.random.default_rng(0)
    drawn = [
        values(with_rows(world, world.x[0], world.x[1][rng.permutation(60)])) for _ in range(300)
    ]
    for name in ("cca", "cka"):
        mean = np.mean([found[name] for found in drawn])
        assert values(world)[f"{name}_chance"] == pytest.approx(mean, rel=0.05)
