"""Metadata that are gone or damaged are written again; no shard is taken for damaged without."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from folders import contents

from xc.store_schema import DamageError, SchemaError, StoreWriter, mend_metadata

KEY = "beta@2"
GROUPS = ["activations", "statistics", f"statistics/{KEY}", "norms", "shards"]
ARRAYS = [f"statistics/{KEY}/per_shard", f"norms/{KEY}", f"shards/{KEY}", f"activations/{KEY}"]
VECTOR = f"statistics/{KEY}/mean"
OF_THE_SEAL = ["sinks", f"sinks/{KEY}", VECTOR]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def altered(file: Path) -> None:
    """As a flipped bit may: still JSON, and another array."""
    text = file.read_text(encoding="utf-8")
    for a, b in (("160", "161"), ("    3", "    2"), ('"bytes"', '"bytez"'), ("group", "grouq")):
        if a in text:
            file.write_text(text.replace(a, b, 1), encoding="utf-8")
            return
    raise AssertionError(text)


@pytest.mark.parametrize("harm", [Path.unlink, cut, altered])
@pytest.mark.parametrize("name", [*GROUPS, *ARRAYS])
def test_written_again_before_shards_are_judged(
    store_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    good, writer = contents(store_path), StoreWriter.open(store_path)
    harm(store_path / name / "zarr.json")
    assert writer.damaged(KEY, read=True) == []
    assert contents(store_path) == good


@pytest.mark.parametrize("harm", [Path.unlink, cut, altered])
@pytest.mark.parametrize("name", [*GROUPS, *ARRAYS, *OF_THE_SEAL])
def test_written_again_by_the_seal(
    store_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    good, writer = contents(store_path), StoreWriter.open(store_path)
    harm(store_path / name / "zarr.json")
    writer.seal()
    assert contents(store_path) == good


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("name", ["norms", *ARRAYS[:3]])
def test_a_folder_that_is_gone_is_made_again_from_the_shards(
    store_path: Path, name: str, read: bool
) -> None:
    good, writer = contents(store_path), StoreWriter.open(store_path)
    shutil.rmtree(store_path / name)
    writer.damaged(KEY, read=read)
    writer.damaged("alpha@1", read=read)
    assert contents(store_path) == good
    shutil.rmtree(store_path / name)
    StoreWriter.open(store_path)
    assert contents(store_path) == good


def test_in_a_store_underway(unfinished: StoreWriter) -> None:
    before = contents(unfinished.path)
    for name in [*GROUPS, *ARRAYS[:3]]:
        (unfinished.path / name / "zarr.json").unlink()
    assert unfinished.damaged(KEY, read=False) == []
    assert contents(unfinished.path) == before


@pytest.mark.parametrize("harm", [Path.unlink, cut, altered])
def test_where_nothing_tells_the_codec_no_shard_is_touched(
    store_path: Path, harm: Callable[[Path], None]
) -> None:
    (store_path / "manifest.json").write_bytes(b"{}")
    shutil.rmtree(store_path / f"norms/{KEY}/c")  # mended by decoding every shard
    harm(store_path / f"activations/{KEY}/zarr.json")
    before = contents(store_path)
    for _ in range(2):
        with pytest.raises(SchemaError, match="the shards were left as they are; restore that"):
            StoreWriter.open(store_path)
        assert contents(store_path) == before


def test_metadata_as_promised_stay(store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another version of Zarr the bytes may be others that say the same."""
    before = contents(store_path)
    other = {f"norms/{KEY}": np.frombuffer(b"other", np.uint8)}
    monkeypatch.setattr(mend_metadata, "metadata_beside", lambda *_: other)
    writer = StoreWriter.open(store_path)
    assert writer.damaged(KEY, read=True) == []
    writer.seal()
    assert contents(store_path) == before


def test_without_the_mask_no_shard_is_judged(store_path: Path) -> None:
    writer = StoreWriter.open(store_path)
    shutil.rmtree(store_path / f"norms/{KEY}/c")
    (store_path / "rows/mask/c/0").unlink()
    before = contents(store_path)
    with pytest.raises(DamageError, match="rows/mask"):
        writer.damaged(KEY, read=True)
    assert contents(store_path) == before
