"""Folders and URLs: which is which, what lies there, and a store on a real S3 protocol server."""

import pickle
import sys
from pathlib import Path

import numpy as np
import planted
import pytest
import s3fs
from upath import UPath

from xc.store_schema import (
    ActivationStore,
    DamageError,
    RequestError,
    SchemaError,
    StorePlan,
    StoreWriter,
    XcError,
)
from xc.store_schema.atomic import put, put_if_changed
from xc.store_schema.describe import describe
from xc.store_schema.places import (
    has_file,
    is_local,
    is_there,
    place,
    read_bytes,
    relative,
    sizes,
)
from xc.store_schema.verify import verify


@pytest.mark.parametrize("text", ["acts.zarr", "/a/b", "file:///a/b", "zoo:base", "C:\\acts"])
def test_folders_of_this_machine(text: str) -> None:
    assert is_local(place(text))
    assert place(Path(text)) == Path(text)


def test_a_url_keeps_its_scheme() -> None:
    found = place("memory://acts.zarr")
    assert not is_local(found)
    assert str(place(found) / "rows") == str(found / "rows")
    assert str(found).startswith("memory://")


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(RequestError, match="unknown scheme 'ftpp'; expected a folder, s3://"):
        place("ftpp://x/acts.zarr")


def test_a_client_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(RequestError, match=r'no client for gs:// .* pip install "xcdiff\[gs\]"'):
        place("gs://bucket/acts.zarr")


@pytest.mark.parametrize("where", ["folder", "memory"])
def test_files_and_their_sizes(where: str, tmp_path: Path) -> None:
    root = place(tmp_path if where == "folder" else f"memory://{tmp_path.name}")
    assert sizes(root / "absent") == {}
    put(root / "a" / "b", b"12345")
    put(root / "a" / "empty", b"")
    put(root / "c", np.arange(3, dtype=np.uint8))
    put_if_changed(root / "c", b"\0\1\2\3")
    assert sizes(root) == {"a/b": 5, "a/empty": 0, "c": 4}
    assert [is_there(root / n) for n in ("a/b", "a/empty", "a", "absent")] == [True] + [False] * 3
    assert has_file(root / "a" / "empty")
    assert read_bytes(root / "a" / "b") == b"12345"
    assert relative(root / "a" / "b", root) == "a/b"
    with pytest.raises(FileNotFoundError):
        read_bytes(root / "absent")


def contents(store: ActivationStore) -> dict[str, bytes]:
    return {n: read_bytes(store.path.joinpath(*n.split("/"))) for n in sizes(store.path)}


def damage(url: str, data: bytes | None) -> None:
    """Overwrite or delete an object behind the store's back."""
    client = s3fs.S3FileSystem(skip_instance_cache=True)
    if data is None:
        client.rm_file(url)
    else:
        client.pipe_file(url, data)


@pytest.fixture
def small(tmp_path: Path) -> tuple[StorePlan, ActivationStore]:
    """One source, 80 rows in two shards, in a folder."""
    plan = planted.make_plan(n_sequences=10, length=9, shard_rows=64)
    return plan, planted.write_store(tmp_path / "s", planted.make_truth(80, widths=(8,)), plan)


@pytest.mark.slow
def test_a_store_on_s3_is_that_of_a_folder(
    bucket: str, small: tuple[StorePlan, ActivationStore]
) -> None:
    """Written in two goes, as by a writer that was killed; then damaged, and mended."""
    (plan, store), url, key = small, f"{bucket}/deep/acts.zarr", "alpha@1"
    raw = store.activations(key).raw[:]
    writer = StoreWriter.create(url, plan)
    writer.add_sources(store.sources, codec="bf16", tuples=store.tuples)
    writer.write_shard(key, 1, raw[64:])
    with pytest.raises(RequestError, match=r"incomplete \(1 of 2 shards\)"):
        ActivationStore.open(url)
    with pytest.raises(RequestError, match="exists already"):
        StoreWriter.create(url, plan)
    again = StoreWriter.create(url, plan, join=True)
    assert not again.others_active
    assert again.missing(key) == [0]
    assert not again.seal_if_whole()
    again.write_shard(key, 0, raw[:64])
    assert again.seal_if_whole()

    found = ActivationStore.open(url)
    good = contents(found)
    assert good == contents(store)
    assert describe(url)["bytes"] == describe(store.path)["bytes"]
    copied = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(copied.activations(key).raw[[70, 3]], raw[[70, 3]])
    np.testing.assert_array_equal(found.dask(key).compute(), raw.astype(np.float32))
    with pytest.raises(RequestError, match="only a store on this machine can take more text"):
        again.extend(plan)

    damage(f"{url}/activations/{key}/c/1/0", bytes(2000))
    damage(f"{url}/norms/{key}/c/0", None)
    damage(f"{url}/rows/position/c/0", None)
    expected = {f"activations/{key}/c/1/0", f"norms/{key}/c/0", "rows/position/c/0"}
    assert {p.file for p in verify(url)} >= expected
    with pytest.raises(DamageError, match=r"s3://.*activations/alpha@1/c/1/0 is damaged"):
        found.activations(key)[60:70]
    with pytest.raises(DamageError, match=r"position/c/0 is gone or empty; run the same `xc harv"):
        found.rows.position[:]
    assert again.damaged(key, read=False) == [1]
    again.discard(key, [1])
    assert again.missing(key) == [1]
    again.rewrite_text(plan)
    again.write_shard(key, 1, raw[64:])
    again.seal()
    assert contents(found) == good
    damage(f"{url}/activations/{key}/c/1/0", None)
    with pytest.raises(DamageError, match="1 of 2 shards of alpha@1"):
        ActivationStore.open(url)


def test_no_store_no_bucket_and_no_way_there(
    bucket: str, plan: StorePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (f"{bucket}/absent.zarr", "s3://no-such-bucket/acts.zarr"):
        with pytest.raises(SchemaError, match="expected an activation store, found nothing"):
            ActivationStore.open(url)
    with pytest.raises(XcError, match="could not be reached") as caught:
        StoreWriter.create("s3://no-such-bucket/acts.zarr", plan)
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    nowhere = UPath(f"{bucket}/acts.zarr", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(XcError, match="check the address and the credentials in the environment"):
        ActivationStore.open(nowhere)
