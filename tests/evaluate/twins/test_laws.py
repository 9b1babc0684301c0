"""Laws of twins: what becomes of them where latents are put in another order, sources change
places, or rows are cut."""

from dataclasses import dataclass, replace
from functools import cache, reduce
from itertools import pairwise

import numpy as np
import pytest
from evaluating import World, latent_rows, make_world

from xc.evaluate.metric import add
from xc.evaluate.twins.divergence import Counts, Question, count
from xc.evaluate.twins.find import Twins, twins_of
from xc.evaluate.twins.table import ENDS, FALSE

EACH, ROWS = 8, 300
"""Latents of each source alone; rows."""
SOURCES = [2, 3]
CUTS = [(), (1,), (30, 31, 250), tuple(range(7, 300, 7))]


@cache
def alike(n_sources: int) -> World:
    """Of each source alone EACH latents; the i-th of all sources point the same way, nearly, and
    some of them have a second latent beside them."""
    rng = np.random.default_rng(n_sources)
    world = make_world(ROWS, n_sources * EACH + 5, widths=(6,) * n_sources, active=0.5)
    base = rng.normal(size=(EACH, 6))
    base[-2:] = base[:2]
    own = [np.zeros_like(w) for w in world.W]
    for m, w in enumerate(own):
        w[m * EACH : (m + 1) * EACH] = base + 0.2 * rng.normal(size=base.shape)
        w[-5:] = rng.normal(size=(5, 6))
    return replace(world, W=tuple(own))


@dataclass(frozen=True)
class Pair:
    """A row of the table."""

    sources: str
    latents: frozenset[int]
    method: str
    numbers: tuple[float, ...]


def found(world: World, cuts: tuple[int, ...] = ()) -> Twins:
    """The rows cut at some places, and counted part by part, the last one first."""
    zero = np.zeros(world.n_rows, np.int64)

    def counted(pairs: Question) -> Counts:
        parts = [
            count(latent_rows(world.f[a:b]), pairs, zero[a:b], groups=1)
            for a, b in pairwise([0, *cuts, world.n_rows])
        ]
        return dict(reduce(add, parts[::-1]))

    return twins_of(world.facts(), counted, cosine=0.7)


def pairs(twins: Twins) -> list[Pair]:
    """Those that are not drawn, in no order."""
    numbers = ["cosine", *(f"{name}_{end}" for name in ("divergence", "high") for end in ENDS)]
    return sorted(
        (
            Pair(
                row["sources"],
                frozenset((row["latent_a"], row["latent_b"])),
                row["method"],
                tuple(float("nan") if row[n] is None else round(row[n], 12) for n in numbers),
            )
            for row in twins.table.to_pylist()
            if row["method"] != FALSE
        ),
        key=lambda p: (p.sources, p.method, sorted(p.latents)),
    )


def values(twins: Twins) -> dict[str, float | int | None]:
    return {key: v for key, v in twins.values.items() if not key.startswith("false")}


def renamed(twins: Twins, latents: np.ndarray, sources: dict[str, str]) -> list[Pair]:
    """The pairs with other numbers of latents and names of sources."""
    moved = [
        replace(
            p,
            sources=sources.get(p.sources, p.sources),
            latents=frozenset(int(latents[j]) for j in p.latents),
        )
        for p in pairs(twins)
    ]
    return sorted(moved, key=lambda p: (p.sources, p.method, sorted(p.latents)))


@pytest.mark.parametrize("n_sources", SOURCES)
def test_there_are_twins_to_tell_of(n_sources: int) -> None:
    twins = found(alike(n_sources))
    counts = [v for key, v in twins.values.items() if key.startswith("n_twins")]
    assert len(counts) == n_sources * (n_sources - 1)
    assert all(v is not None and 4 <= v <= EACH for v in counts)
    assert len({p.numbers for p in pairs(twins)}) > 4


@pytest.mark.parametrize("n_sources", SOURCES)
def test_permuting_latents_permutes(n_sources: int) -> None:
    world = alike(n_sources)
    order = np.random.default_rng(3).permutation(world.f.shape[1])
    plain, permuted = found(world), found(world.permuted(order))
    assert values(permuted) == pytest.approx(values(plain))
    assert pairs(permuted) == renamed(plain, np.argsort(order), {})


@pytest.mark.parametrize("n_sources", SOURCES)
def test_swapping_the_sources_swaps_the_pairs(n_sources: int) -> None:
    """Of three the first and the last change places."""
    world = alike(n_sources)
    plain, swapped = found(world), found(world.swapped())
    ends = {"a_b": "b_c", "b_c": "a_b"} if n_sources == 3 else {}
    expected = {
        next((key.replace(p, q) for p, q in ends.items() if key.endswith(p)), key): value
        for key, value in values(plain).items()
    }
    assert values(swapped) == pytest.approx(expected)
    assert pairs(swapped) == renamed(plain, np.arange(world.f.shape[1]), ends)


@pytest.mark.parametrize("n_sources", SOURCES)
def test_false_twins_are_the_same_latents_whatever_their_order(n_sources: int) -> None:
    world = alike(n_sources)
    order = np.random.default_rng(3).permutation(world.f.shape[1])
    variants = [(world, None), (world.permuted(order), order), (world.swapped(), None)]
    sets = []
    for some, moved in variants:
        rows = [r for r in found(some).table.to_pylist() if r["method"] == FALSE]
        latents = [r[end] for r in rows for end in ("latent_a", "latent_b")]
        sets.append(sorted(latents if moved is None else order[latents].tolist()))
    assert sets[0] == sets[1] == sets[2] != []


@pytest.mark.parametrize("n_sources", SOURCES)
@pytest.mark.parametrize("cuts", CUTS, ids=str)
def test_any_partition_of_the_rows_gives_the_same(n_sources: int, cuts: tuple[int, ...]) -> None:
    cut, whole = found(alike(n_sources), cuts), found(alike(n_sources))
    assert cut.values == whole.values
    assert cut.table.equals(whole.table)
