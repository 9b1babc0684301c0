"""Reading a table: equal to what was written, in any cut, and only what belongs together."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruined import ruin
from scipy.sparse import csr_array

from xc.store_schema import (
    DamageError,
    LatentTable,
    LatentTableWriter,
    RequestError,
    RunLayout,
    SchemaError,
)

N_ROWS, D_SAE = 60, 13
PARTS = ((0, 20), (20, 25), (25, 50), (50, 60))


def dense() -> np.ndarray:
    rng = np.random.default_rng(0)
    f = np.where(rng.random((N_ROWS, D_SAE)) < 0.2, rng.gamma(1, 1, (N_ROWS, D_SAE)), 0)
    f[20:25] = 0  # a part without entries
    return f.astype(np.float32)


def write(folder: Path, f: np.ndarray, parts: tuple[tuple[int, int], ...] = PARTS) -> None:
    with LatentTableWriter(folder, d_sae=D_SAE, checkpoint="c", store="s") as writer:
        for start, stop in parts:
            row, latent = np.nonzero(f[start:stop])
            writer.write(start, stop, row + start, latent, f[start:stop][row, latent])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("latents")
    write(path, dense())
    return path


@settings(max_examples=40)
@given(start=st.integers(0, N_ROWS), length=st.integers(0, N_ROWS))
def test_any_range_equals_scipy(folder: Path, start: int, length: int) -> None:
    stop = min(start + length, N_ROWS)
    table = LatentTable.open(folder)
    indptr, latent, activation = table.csr(start, stop)
    expected = csr_array(dense()[start:stop])
    assert (indptr.dtype, latent.dtype, activation.dtype) == (np.int64, np.int32, np.float32)
    np.testing.assert_array_equal(indptr, expected.indptr)
    np.testing.assert_array_equal(latent, expected.indices)
    np.testing.assert_array_equal(activation, expected.data)
    row, _, _ = table.entries(start, stop)
    assert row.dtype == np.int64
    np.testing.assert_array_equal(row, np.nonzero(dense()[start:stop])[0] + start)


@pytest.mark.parametrize("columns", [("latent",), ("activation", "row")])
def test_columns_are_read_alone(tmp_path: Path, folder: Path, columns: tuple[str, ...]) -> None:
    shutil.copytree(folder, tmp_path / "t")
    names = ("row", "latent", "activation")
    expected = dict(zip(names, LatentTable.open(folder).entries(20, 60), strict=True))
    for part in (tmp_path / "t").iterdir():
        ruin(part, columns=set(names) - set(columns))
    found = LatentTable.open(tmp_path / "t").entries(20, 60, columns)
    for name, values in zip(columns, found, strict=True):
        np.testing.assert_array_equal(values, expected[name])
    with pytest.raises(DamageError):
        LatentTable.open(tmp_path / "t").entries(20, 60)


def test_what_it_says_of_itself(folder: Path) -> None:
    table = LatentTable.open(folder)
    assert table.d_sae == D_SAE
    assert table.n_entries == np.count_nonzero(dense())
    assert table.ranges == PARTS
    assert table.checkpoint_fingerprint == "c"
    assert table.about["store"] == "s"


def test_any_cut_into_parts_reads_the_same(tmp_path: Path, folder: Path) -> None:
    write(tmp_path / "one", dense(), ((0, 60),))
    for a, b in zip(
        LatentTable.open(tmp_path / "one").entries(0, 60),
        LatentTable.open(folder).entries(0, 60),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_a_gap_is_refused(tmp_path: Path) -> None:
    write(tmp_path, dense(), ((0, 20), (25, 50)))
    table = LatentTable.open(tmp_path)
    assert table.entries(25, 50)[0].min() >= 25
    for start, stop in ((0, 50), (19, 26), (20, 25), (40, 60), (70, 80), (-5, 10), (10, 5)):
        with pytest.raises(RequestError, match=f"does not cover rows {start} to {stop}"):
            table.csr(start, stop)


def test_parts_of_two_checkpoints_are_refused(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "mixed")
    with LatentTableWriter(tmp_path / "other", d_sae=D_SAE, checkpoint="d", store="s") as writer:
        writer.write(60, 70, np.array([61]), np.array([3]), np.array([1.0]))
    (part,) = (tmp_path / "other").iterdir()
    shutil.move(part, tmp_path / "mixed")
    with pytest.raises(SchemaError, match=f"{part.name}: belongs to another checkpoint"):
        LatentTable.open(tmp_path / "mixed")


def test_parts_that_overlap_are_refused(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "mixed")
    write(tmp_path / "other", dense(), ((45, 55),))
    for part in (tmp_path / "other").iterdir():
        shutil.move(part, tmp_path / "mixed")
    with pytest.raises(SchemaError, match="overlaps the rows of"):
        LatentTable.open(tmp_path / "mixed")


def test_nothing_there(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(
            SchemaError, match=r"expected part-\*.parquet, found none; run `xc train"
        ):
            LatentTable.open(place)


def test_a_damaged_part_is_named(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "t")
    part = sorted((tmp_path / "t").iterdir())[2]
    table = LatentTable.open(tmp_path / "t")
    part.write_bytes(b"PAR1" + bytes(50) + b"PAR1")
    assert table.csr(0, 25)[0].shape == (26,)
    with pytest.raises(DamageError, match=part.name):
        table.csr(0, 60)
    with pytest.raises(DamageError, match=part.name):
        LatentTable.open(tmp_path / "t")


def test_pickled_it_reopens_by_path(folder: Path) -> None:
    table = pickle.loads(pickle.dumps(LatentTable.open(folder)))
    assert table.ranges == PARTS


def test_the_table_of_a_run_is_the_encoding_of_its_held_out_rows(run: RunLayout, store) -> None:  # type: ignore[no-untyped-def]
    from xc.store_schema import Checkpoint  # noqa: PLC0415

    checkpoint = Checkpoint.load(run.root)
    table = LatentTable.open(run.latents)
    ((start, stop),) = table.ranges
    f = checkpoint.encode([store.activations(s.key)[start:stop] for s in checkpoint.sources])
    indptr, latent, activation = table.csr(start, stop)
    np.testing.assert_array_equal(
        csr_array((activation, latent, indptr), shape=f.shape).toarray(), f
    )
    assert table.checkpoint_fingerprint == checkpoint.fingerprint
