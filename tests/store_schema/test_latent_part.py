"""One Parquet file: its encodings, its size, and what it says of itself."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruined import ruin

from xc.store_schema import DamageError, SchemaError, XcError
from xc.store_schema.latent_part import SCHEMA, part_path, read_about, read_entries, write_part

ABOUT = {"start": 0, "stop": 3000, "d_sae": 4096, "checkpoint": "c", "store": "s"}


def realistic(n_rows: int, active: int = 64, d_sae: int = 4096) -> tuple[np.ndarray, ...]:
    """About 64 active latents of 4096 per row, with frequencies and sizes as trained ones have."""
    rng = np.random.default_rng(0)
    frequency = rng.lognormal(0, 1.5, d_sae)
    scores = rng.random((n_rows, d_sae)) ** (1 / (frequency / frequency.sum()))
    latent = np.sort(np.argpartition(-scores, active, axis=1)[:, :active], axis=1)
    activation = rng.lognormal(0, 1, n_rows * active).astype(np.float32)
    return np.repeat(np.arange(n_rows), active), latent.ravel().astype(np.int32), activation


@pytest.fixture
def part(tmp_path: Path) -> Path:
    write_part(tmp_path / "part-0.parquet", ABOUT, *realistic(20))
    return tmp_path / "part-0.parquet"


def test_at_most_five_bytes_per_entry_on_realistic_data(tmp_path: Path) -> None:
    row, latent, activation = realistic(1000)
    write_part(tmp_path / "p.parquet", ABOUT, row, latent, activation)
    assert (tmp_path / "p.parquet").stat().st_size / len(row) <= 5


def test_columns_encodings_and_checksums(part: Path) -> None:
    metadata = pq.read_metadata(part)
    assert metadata.schema.to_arrow_schema().equals(SCHEMA, check_metadata=False)
    encodings = [metadata.row_group(0).column(i).encodings for i in range(3)]
    assert "DELTA_BINARY_PACKED" in encodings[0]
    assert all("BYTE_STREAM_SPLIT" in e for e in encodings[1:])
    assert {metadata.row_group(0).column(i).compression for i in range(3)} == {"ZSTD"}


def test_what_it_says_of_itself(part: Path) -> None:
    assert read_about(part) == ({"schema_version": 1, **ABOUT}, 20 * 64)


def test_plain_parquet_readers_open_it(part: Path) -> None:
    table = pq.read_table(part)
    for name, expected in zip(SCHEMA.names, realistic(20), strict=True):
        np.testing.assert_array_equal(table.column(name).to_numpy(), expected)


def test_a_range_reads_only_the_row_groups_that_hold_it(tmp_path: Path) -> None:
    """Told by damage: what is not read is not missed."""
    path, active = tmp_path / "p.parquet", 128
    n_rows = 2 * 2**20 // active + 100  # a row group of Parquet holds 2²⁰ entries
    latent = np.tile(np.arange(active, dtype=np.int32), n_rows)
    write_part(path, ABOUT, np.repeat(np.arange(n_rows), active), latent, latent + np.float32(1))
    metadata = pq.read_metadata(path)
    assert metadata.num_row_groups == 3
    damaged = bytearray(path.read_bytes())
    for group in (0, 2):
        damaged[metadata.row_group(group).column(2).data_page_offset + 60] ^= 255
    path.write_bytes(damaged)
    first = 2**20 // active
    assert len(read_entries(path, (first, 2 * first))) == 2**20
    assert len(read_entries(path, (first + 10, first + 20))) == 10 * active
    for rows in ((first - 1, first + 1), (2 * first - 1, 2 * first + 1), None):
        with pytest.raises(DamageError):
            read_entries(path, rows)


@pytest.mark.parametrize("name", SCHEMA.names)
def test_a_column_is_read_alone(part: Path, name: str) -> None:
    whole = read_entries(part)
    ruin(part, columns=set(SCHEMA.names) - {name})
    assert read_entries(part, columns=[name]).equals(whole.select([name]))
    with pytest.raises(DamageError):
        read_entries(part)


def test_a_column_of_a_few_rows_needs_the_rows_too(part: Path) -> None:
    some = read_entries(part, (3, 5)).select(["latent"])
    ruin(part, columns=["activation"])
    assert read_entries(part, (3, 5), columns=["latent"]).equals(some)
    ruin(part, columns=["row"])
    with pytest.raises(DamageError):
        read_entries(part, (3, 5), columns=["latent"])


def test_rows_are_taken_by_range(part: Path) -> None:
    table = read_entries(part, (3, 5))
    assert set(table.column("row").to_pylist()) == {3, 4}
    assert read_entries(part, (5, 5)).num_rows == 0


def test_any_flipped_bit_of_the_data_is_noticed(part: Path) -> None:
    good = part.read_bytes()
    expected = read_entries(part)
    generator = random.Random(0)
    silent = 0
    for _ in range(300):
        where = generator.randrange(len(good))
        bad = bytearray(good)
        bad[where] ^= 1 << generator.randrange(8)
        part.write_bytes(bytes(bad))
        try:
            read_about(part)
            found = read_entries(part)
        except XcError:
            continue
        assert found.equals(expected)  # a statistic or a version string of the footer
        silent += 1
    assert silent < 100


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_file_cut_short_is_damage(part: Path, share: float) -> None:
    good = part.read_bytes()
    part.write_bytes(good[: int(len(good) * share)])
    for read in (read_about, read_entries):
        with pytest.raises(DamageError, match="is damaged") as caught:
            read(part)
        assert "\n" not in str(caught.value)
        assert str(part) in str(caught.value)


def write_metadata(path: Path, metadata: dict[bytes, bytes] | None, schema: Any = SCHEMA) -> None:
    pq.write_table(schema.empty_table().replace_schema_metadata(metadata), path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "no part of a latent table"),
        ({b"xc": b"{"}, "no part of a latent table"),
        ({b"xc": b"[]"}, "expected an object as metadata"),
        ({b"xc": b"{}"}, "expected a schema version"),
        ({b"xc": json.dumps({"schema_version": 2, **ABOUT}).encode()}, "version 2; .*upgrade xc"),
        (
            {b"xc": json.dumps({"schema_version": 1, **ABOUT, "stop": "x"}).encode()},
            "'stop' is 'x'",
        ),
    ],
)
def test_other_parquet_files_are_refused(
    tmp_path: Path, metadata: dict[bytes, bytes] | None, message: str
) -> None:
    write_metadata(tmp_path / "p.parquet", metadata)
    with pytest.raises(SchemaError, match=message):
        read_about(tmp_path / "p.parquet")


def test_other_columns_are_refused(tmp_path: Path) -> None:
    write_metadata(tmp_path / "p.parquet", None, pa.schema([("row", pa.int32())]))
    with pytest.raises(
        SchemaError, match="expected columns row, latent, activation; found row int"
    ):
        read_entries(tmp_path / "p.parquet")


def test_a_column_too_many_is_refused_though_it_is_not_asked_for(tmp_path: Path) -> None:
    write_metadata(tmp_path / "p.parquet", None, SCHEMA.append(pa.field("more", pa.int8())))
    for columns in (["row"], SCHEMA.names):
        with pytest.raises(SchemaError, match=r"found row int64, .*, more int8"):
            read_entries(tmp_path / "p.parquet", (0, 1), columns=columns)


def test_names_sort_as_rows_do() -> None:
    paths = [part_path(Path(), start, start + 5) for start in (0, 7, 99, 100, 10**9)]
    assert paths == sorted(paths)


@pytest.mark.parametrize("told", ["user", {"keep": "user", "drop_sinks": True}, {"keep": []}])
def test_a_filter_of_another_form_is_refused(tmp_path: Path, told: Any) -> None:
    write_part(tmp_path / "p.parquet", {**ABOUT, "filter": told}, *realistic(1))
    with pytest.raises(SchemaError, match="'filter': expected keep, drop_sinks; found"):
        read_about(tmp_path / "p.parquet")
