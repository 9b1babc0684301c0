"""Which file holds which rows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.store_schema import SchemaError
from xc.store_schema.store_layout import (
    check_version,
    count_shards,
    cut,
    is_there,
    missing_shards,
    shard_file,
)


@given(start=st.integers(0, 50), length=st.integers(0, 50), size=st.integers(1, 20))
def test_pieces_cover_the_range_and_stay_within_a_shard(start: int, length: int, size: int) -> None:
    pieces = cut(start, start + length, size)
    assert [row for a, b in pieces for row in range(a, b)] == list(range(start, start + length))
    assert all(a // size == (b - 1) // size and a < b for a, b in pieces)
    assert len(pieces) == len({row // size for row in range(start, start + length)})


@given(n_rows=st.integers(1, 100), shard_rows=st.integers(1, 30))
def test_number_of_shards(n_rows: int, shard_rows: int) -> None:
    assert count_shards(n_rows, shard_rows) == len({row // shard_rows for row in range(n_rows)})


def test_an_empty_file_is_not_there(tmp_path: Path) -> None:
    assert not is_there(tmp_path / "absent")
    (tmp_path / "file").touch()
    assert not is_there(tmp_path / "file")
    (tmp_path / "file").write_text("x")
    assert is_there(tmp_path / "file")
    assert not is_there(tmp_path / "file" / "below")


def test_missing_shards_are_those_without_a_file(tmp_path: Path) -> None:
    file = shard_file(tmp_path, "a@1", 1)
    assert file == tmp_path / "activations" / "a@1" / "c" / "1" / "0"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    assert missing_shards(tmp_path, "a@1", 3) == [0, 2]


@pytest.mark.parametrize("version", [None, 0, -1, "1", True, 1.0])
def test_a_version_is_a_positive_whole_number(version: object) -> None:
    with pytest.raises(SchemaError, match="expected a schema version"):
        check_version(version, 1, where=Path("x"))
