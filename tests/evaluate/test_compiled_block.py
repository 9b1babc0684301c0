"""The compiled pass over a tile against SciPy's way and against dense arrays."""

import gc
import sys
import weakref
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from evaluating import Dense, World, latent_rows, make_world
from measured import Case, one_group

from xc.evaluate import METRICS, reader
from xc.evaluate.compiled_block import CompiledBlock
from xc.evaluate.graph import WHOLE, BlockGroups
from xc.evaluate.kernels import tile
from xc.evaluate.latent_rows import LatentRows
from xc.evaluate.metric import Pass
from xc.evaluate.reader import Reader, block_type
from xc.evaluate.reductions import reductions
from xc.evaluate.row_block import RowBlock
from xc.store_schema.gate import Gate

WORLDS = {
    "two sources": make_world(),
    "unequal widths": make_world(widths=(6, 9), seed=1),
    "one source": make_world(widths=(7,), seed=2),
    "three of one width": make_world(widths=(5, 5, 5), seed=3),
    "like widths apart": make_world(widths=(5, 7, 5), seed=4),
    "four, two and two": make_world(widths=(5, 5, 7, 7), seed=5),
    "no row": make_world(n_rows=0, seed=6),
    "one row": make_world(n_rows=1, active=0.5, seed=7),
    "all dead": make_world(active=0.0, seed=8),
    "dense": make_world(active=1.0, seed=9),
}
PER_ROW = ("error", "deviation", "likeness", "xhat_squares")
PER_LATENT = ("residual_along", "xhat_along", "residual_decoded", "decoded_squares")
PER_SOURCE = ("xhat", "residual", "shift", "residual_sum")


def blocks(world: World, *, gated: bool = False) -> tuple[RowBlock, CompiledBlock]:
    plain = world.block(0, world.n_rows)
    if gated:
        norms = [np.linalg.norm(w, axis=1) for w in world.W]
        gates = tuple(Gate(norm, 1.0 + 3.0 * m) for m, norm in enumerate(norms))
        plain = replace(plain, decoder=replace(plain.decoder, gates=gates))
    return plain, compiled_from(plain)


def compiled_from(block: RowBlock, **others: object) -> CompiledBlock:
    values = {field.name: getattr(block, field.name) for field in fields(block)}
    return CompiledBlock(**{**values, **others})


def assert_equal(plain: RowBlock, compiled: RowBlock) -> None:
    for name in (*PER_ROW, *PER_LATENT):
        assert_close(getattr(compiled, name), getattr(plain, name))
    for name in PER_SOURCE:
        for found, expected in zip(getattr(compiled, name), getattr(plain, name), strict=True):
            assert_close(found, expected)


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    """x̂ of the plain way is float32: what is summed over it keeps as many digits."""
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    atol = 3e-6 * max(np.nan_to_num(np.abs(expected)).max(initial=0.0), 1.0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("gated", [False, True], ids=["plain", "gated"])
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_equals_scipy(world: World, *, gated: bool) -> None:
    assert_equal(*blocks(world, gated=gated))


@pytest.mark.parametrize("gated", [False, True], ids=["plain", "gated"])
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_the_odd_half(world: World, *, gated: bool) -> None:
    plain, compiled = blocks(world, gated=gated)
    assert_equal(plain.odd, compiled.odd)


def test_some_of_the_rows() -> None:
    plain, compiled = blocks(WORLDS["two sources"])
    rows = np.arange(plain.n_rows) % 3 == 1
    assert_equal(plain.where(rows), compiled.where(rows))


@pytest.mark.parametrize("gated", [False, True], ids=["plain", "gated"])
@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_the_odd_half_is_summed_up_in_the_same_pass(world: World, *, gated: bool) -> None:
    plain, compiled = blocks(world, gated=gated)
    assert_equal(plain.odd, compiled.odd)


@pytest.mark.parametrize("which", [0, 1], ids=["plain", "compiled"])
def test_a_tile_is_gone_when_nobody_holds_it(which: int) -> None:
    """Not only when Python looks for objects that hold each other."""
    block = blocks(WORLDS["two sources"])[which]
    assert block.odd.error.shape == block.where(block.odd_rows).error.shape
    watched = weakref.ref(block)
    gc.disable()
    try:
        del block
        assert watched() is None
    finally:
        gc.enable()


def test_sums_are_as_exact_as_their_terms() -> None:
    """Against dense float64: closer than float32 could be."""
    world = make_world(400, widths=(48, 48))
    _, compiled = blocks(world)
    dense = Dense(world)
    for m in range(2):
        np.testing.assert_allclose(compiled.error[:, m], (dense.e(m) ** 2).sum(axis=1), rtol=1e-12)
        np.testing.assert_allclose(compiled.shift[m], (dense.x(m) - world.centre[m]).sum(axis=0))
        for t in range(2):
            expected = (dense.f * (dense.e(m) @ dense.d(t).T)).sum(axis=0)
            scale = (dense.f * np.abs(dense.e(m) @ dense.d(t).T)).sum(axis=0).max()
            found = compiled.residual_along[:, m, t]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * scale)


def test_arrays_that_may_not_be_written_to() -> None:
    """As they come from Parquet."""
    plain, _ = blocks(WORLDS["two sources"])
    rows = latent_rows(WORLDS["two sources"].f)
    for array in (rows.latent, rows.activation):
        array.flags.writeable = False
    assert_equal(plain, compiled_from(plain, latents=rows))


def test_rows_in_other_types_and_strides() -> None:
    plain, _ = blocks(WORLDS["two sources"])
    rows = plain.latents
    wide = LatentRows(rows.indptr.astype(np.int32), rows.latent, rows.activation, rows.d_sae)
    x = tuple(np.asfortranarray(x) for x in plain.x)
    assert_equal(plain, compiled_from(plain, latents=wide, load=lambda: x))


def test_compiled_code_is_kept_for_the_next_process() -> None:
    assert blocks(WORLDS["one row"])[1].error.shape == (1, 2)
    folder = Path(tile.measure.stats.cache_path)  # type: ignore[attr-defined]
    assert list(folder.glob("tile.measure-*.nbc"))


def test_every_metric_sums_up_the_same(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from a store and a table, in tiles."""
    reading = reductions(m for m in METRICS if m.reads is not Pass.NONE)
    own, one = Reader(case.store.path, case.run.root, 64), one_group(case.store)
    sums = BlockGroups(own, tuple(reading.values()), frozenset(), one)
    block = case.store.blocks("heldout")[0]
    compiled = sums(block)[WHOLE]
    monkeypatch.setattr(reader, "block_type", lambda: RowBlock)
    plain = sums(block)[WHOLE]
    assert compiled.keys() == plain.keys()
    for name, arrays in plain.items():
        for part, expected in arrays.items():
            assert_close(compiled[name][part], expected)


@pytest.fixture
def _without_numba(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(sys.modules):
        if name.startswith(("xc.evaluate.kernels", "xc.evaluate.compiled_block")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    block_type.cache_clear()
    yield
    block_type.cache_clear()


def test_tiles_are_compiled_where_numba_is() -> None:
    assert block_type() is CompiledBlock


@pytest.mark.usefixtures("_without_numba")
def test_without_numba_scipy_measures() -> None:
    assert block_type() is RowBlock
