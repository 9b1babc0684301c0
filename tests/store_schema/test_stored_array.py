"""Reading: equal to NumPy for every index; damage is told by the file that holds it."""

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.store_schema import ActivationStore, DamageError, SchemaError, StoreWriter
from xc.store_schema.stored_array import StoredArray, files_touched

INDICES: list[Any] = [
    slice(None), slice(0, 0), slice(10, 100), slice(100, 10), slice(60, 70), slice(150, 999),
    slice(-5, None), slice(None, None, 7), slice(3, 150, 70), 0, -1, np.int64(64), [], [5],
    [3, 159, 64, 3], [-1, 0], np.arange(0, 160, 13), np.arange(160) % 50 == 0, Ellipsis,
    (slice(60, 70), slice(2, 5)), (slice(0, 3), [1, 4]), (5, slice(None)), (Ellipsis,),
]  # fmt: skip


@pytest.fixture
def array(store_path: Path) -> StoredArray:
    return StoredArray(store_path, "activations/alpha@1")


@pytest.mark.parametrize("number", range(len(INDICES)))
def test_equal_to_numpy(array: StoredArray, number: int) -> None:
    index = INDICES[number]
    whole = array[:].astype(np.float32)
    empty = isinstance(index, list) and not index
    expected = whole[np.zeros(0, np.intp) if empty else index]
    found = array[index]
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found.astype(np.float32), expected)


@pytest.mark.parametrize(
    "index", [160, [160], -161, slice(None, None, -1), "x", None, [0.5], [True] * 3], ids=repr
)
def test_an_index_that_does_not_fit_is_an_index_error(array: StoredArray, index: Any) -> None:
    with pytest.raises(IndexError):
        array[index]


def test_shape_type_length_and_files(array: StoredArray, store_path: Path) -> None:
    assert (array.shape, array.ndim, len(array), array.dtype.name) == (
        (160, 16),
        2,
        160,
        "bfloat16",
    )
    assert (array.file_rows, array.n_files) == (64, 3)
    assert array.file(2) == store_path / "activations/alpha@1/c/2/0"
    assert StoredArray(store_path, "rows/mask").file(0) == store_path / "rows/mask/c/0"


def test_numpy_takes_it_whole(store_path: Path) -> None:
    column = StoredArray(store_path, "rows/position")
    np.testing.assert_array_equal(np.asarray(column), column[:])
    assert np.asarray(column, dtype=np.float64).dtype == np.float64


def test_pickled_it_reopens_by_path(array: StoredArray) -> None:
    whole = array[:]
    text = pickle.dumps(array)
    assert len(text) < 1000
    np.testing.assert_array_equal(pickle.loads(text)[:], whole)


def naive_files(rows: np.ndarray, file_rows: int) -> list[int]:
    return sorted({int(row) // file_rows for row in np.atleast_1d(rows)})


@given(
    n=st.integers(1, 60),
    file_rows=st.integers(1, 20),
    start=st.integers(-70, 70),
    stop=st.integers(-70, 70),
    step=st.integers(1, 30),
)
def test_files_of_a_slice(n: int, file_rows: int, start: int, stop: int, step: int) -> None:
    index = slice(start, stop, step)
    found = list(files_touched(index, n, file_rows))
    needed = naive_files(np.arange(n)[index], file_rows)
    assert found == needed or (step > 1 and set(needed) <= set(found))


@given(n=st.integers(1, 60), file_rows=st.integers(1, 20), data=st.data())
def test_files_of_listed_rows(n: int, file_rows: int, data: st.DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.integers(-n, n - 1))), dtype=np.int64)
    assert list(files_touched(rows, n, file_rows)) == naive_files(np.arange(n)[rows], file_rows)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    assert list(files_touched(mask, n, file_rows)) == naive_files(np.arange(n)[mask], file_rows)
    every = list(range(-(-n // file_rows)))
    assert list(files_touched(Ellipsis, n, file_rows)) == every
    assert list(files_touched((), n, file_rows)) == every


def damages(good: bytes) -> list[tuple[str, bytes]]:
    generator = random.Random(0)
    flips = [generator.randrange(len(good)) for _ in range(25)]
    flips += range(len(good) - 8, len(good))  # the shard's index and its checksum
    cuts = [0, 1, 3, 4, 5, len(good) // 2, len(good) - 20, len(good) - 1]
    return [
        *((f"flip {i}", good[:i] + bytes([good[i] ^ 1 << i % 8]) + good[i + 1 :]) for i in flips),
        *((f"cut at {n}", good[:n]) for n in cuts),
        ("grown", good + b"\0"),
        ("other bytes", bytes(len(good))),
    ]


@pytest.mark.parametrize("name", ["activations/alpha@1", "rows/token_id", "sequences/token_ids"])
def test_any_damage_names_the_file(store_path: Path, name: str) -> None:
    last = StoredArray(store_path, name).n_files - 1
    file = StoredArray(store_path, name).file(last)
    good = file.read_bytes()
    for what, bad in damages(good):
        file.write_bytes(bad)
        with pytest.raises(DamageError) as caught:
            StoredArray(store_path, name)[:]
        message = str(caught.value)
        assert message.startswith(str(file)), what
        assert "\n" not in message
        assert "xc harvest" in message or "harvest anew" in message


def test_undamaged_files_are_still_read(array: StoredArray) -> None:
    good = array[:64]
    array.file(2).write_bytes(b"damaged")
    np.testing.assert_array_equal(array[:64], good)
    np.testing.assert_array_equal(array[[0, 63]], good[[0, 63]])
    for index in (slice(60, 140), [0, 159], slice(None, None, 70), 130):
        with pytest.raises(DamageError, match="activations/alpha@1/c/2/0 is damaged"):
            array[index]


def test_an_absent_file_is_damage_and_never_a_value(array: StoredArray) -> None:
    array.file(1).unlink()
    with pytest.raises(DamageError, match="c/1/0 is gone"):
        array[60:70]
    with pytest.raises(DamageError, match="c/1/0 is gone"):
        array.read_file(1)
    assert len(array[:64]) == 64


def test_unwritten_rows_read_as_nan_never_as_zeros(unfinished: StoreWriter) -> None:
    unfinished.write_shard("alpha@1", 1, np.ones((64, 16), np.float32))
    opened = ActivationStore.open(unfinished.path, allow_incomplete=True)
    for values in (opened.activations("alpha@1")[:], opened.dask("alpha@1").compute()):
        assert np.isnan(values[:64]).all()
        assert (values[64:128] == 1).all()
        assert np.isnan(values[128:]).all()


def test_a_file_that_may_not_be_read_is_told(array: StoredArray) -> None:
    array.file(0).unlink()
    array.file(0).mkdir()
    with pytest.raises(DamageError, match="c/0/0"):
        array[:10]


def test_an_array_that_is_not_there_is_a_schema_error(store_path: Path) -> None:
    with pytest.raises(SchemaError, match="rows/colour"):
        StoredArray(store_path, "rows/colour")[:]
    with pytest.raises(SchemaError, match="expected an array at 'rows'"):
        StoredArray(store_path, "rows")[:]
