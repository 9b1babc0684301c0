"""Writing: whole shards or none, killed or on a full disk, and the same bytes in the end."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from folders import contents

from xc.store_schema import (
    ActivationStore,
    NumericalError,
    RequestError,
    SchemaError,
    Source,
    StorePlan,
    StoreWriter,
    XcError,
)
from xc.store_schema.verify import verify_store

SCRIPTS = Path(__file__).parent / "scripts"


def finish(writer: StoreWriter, store: ActivationStore) -> None:
    for source in store.sources:
        for shard in writer.missing(source.key):
            start, stop = writer.shard_range(shard)
            writer.write_shard(source.key, shard, store.activations(source.key)[start:stop])
    writer.seal()


@pytest.mark.slow
def test_killed_at_any_file_operation_and_continued_gives_the_same_bytes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "kill_writer.py", tmp_path, "6"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kills"] >= 6


def test_shards_in_any_order_give_the_same_bytes(
    unfinished: StoreWriter, store: ActivationStore
) -> None:
    for source in reversed(store.sources):
        for shard in reversed(unfinished.missing(source.key)):
            start, stop = unfinished.shard_range(shard)
            unfinished.write_shard(source.key, shard, store.activations(source.key)[start:stop])
    unfinished.seal()
    assert contents(unfinished.path) == contents(store.path)


def test_each_shard_is_put_once_behind_what_goes_with_it(
    unfinished: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed: list[str] = []
    original = Path.replace

    def recorded(self: Path, target: Path) -> Path:
        renamed.append(target.relative_to(unfinished.path).as_posix())
        return original(self, target)

    monkeypatch.setattr(Path, "replace", recorded)
    for shard in (0, 2):
        start, stop = unfinished.shard_range(shard)
        unfinished.write_shard("alpha@1", shard, np.ones((stop - start, 16), np.float32))
    assert renamed == [
        file
        for i in (0, 2)
        for file in (
            f"statistics/alpha@1/per_shard/c/{i}/0",
            f"norms/alpha@1/c/{i}",
            f"shards/alpha@1/c/{i}/0",
            f"activations/alpha@1/c/{i}/0",
        )
    ]


BESIDE = ["statistics/beta@2/per_shard/c/1/0", "norms/beta@2/c/1", "shards/beta@2/c/1/0"]


@pytest.mark.parametrize("lost", ["activations/beta@2/c/1/0", "statistics/beta@2/mean/c/0",
                                  "manifest.json", *BESIDE])  # fmt: skip
@pytest.mark.parametrize("how", ["gone", "empty", "damaged and deleted"])
def test_what_a_complete_store_lost_is_written_again(
    store_path: Path, tmp_path: Path, lost: str, how: str
) -> None:
    good = contents(store_path)
    rows = ActivationStore.open(store_path).activations("beta@2")[64:128]
    (store_path / lost).unlink()
    if how == "empty":
        (store_path / lost).touch()
    writer = StoreWriter.open(store_path)
    assert writer.missing("beta@2") == ([1] if "activations" in lost else [])
    for shard in writer.missing("beta@2"):
        writer.write_shard("beta@2", shard, rows)
    writer.seal()
    assert contents(store_path) == good


def test_a_damaged_shard_may_be_written_over(store_path: Path) -> None:
    good = contents(store_path)
    rows = ActivationStore.open(store_path).activations("beta@2")[64:128]
    shard = store_path / "activations/beta@2/c/1/0"
    shard.write_bytes(shard.read_bytes()[:-7])
    StoreWriter.open(store_path).write_shard("beta@2", 1, rows)
    assert contents(store_path) == good


def gamma(d_model: int = 8) -> Source:
    return Source("gamma@0", "gamma", None, 0, "residual", "none", d_model, "float32", "0")


def test_a_source_added_later_leaves_the_others_as_they_were(store_path: Path) -> None:
    before = contents(store_path)
    old = ActivationStore.open(store_path)
    writer = StoreWriter.open(store_path)
    writer.add_sources([gamma()], codec="fp32", tuples=[("alpha@1", "gamma@0")])
    with pytest.raises(RequestError, match=r"incomplete \(6 of 9 shards\)"):
        ActivationStore.open(store_path)
    rows = np.random.default_rng(0).normal(size=(160, 8)).astype(np.float32)
    for shard in writer.missing("gamma@0"):
        start, stop = writer.shard_range(shard)
        writer.write_shard("gamma@0", shard, rows[start:stop])
    writer.seal()
    new = ActivationStore.open(store_path)
    after = contents(store_path)
    assert {n for n in before if after[n] != before[n]} == {"zarr.json", "manifest.json"}
    assert {n.split("/")[1] for n in after.keys() - before.keys()} == {"gamma@0"}
    assert new.fingerprint == old.fingerprint
    assert new.fingerprint_of(["alpha@1", "beta@2"]) == old.fingerprint_of(["alpha@1", "beta@2"])
    assert new.tuples == (("alpha@1", "beta@2"), ("alpha@1", "gamma@0"))
    np.testing.assert_array_equal(new.activations("gamma@0").raw[:], rows)
    assert verify_store(store_path) == []


def test_an_unknown_codec_is_refused(unfinished: StoreWriter) -> None:
    with pytest.raises(RequestError, match="unknown codec 'bf61'; did you mean 'bf16'"):
        unfinished.add_sources([gamma()], codec="bf61", tuples=[])


@pytest.mark.parametrize(
    ("shard", "shape", "message"),
    [
        (0, (63, 16), r"shard 0 of alpha@1 has shape \[64, 16\]; got \[63, 16\]"),
        (0, (64, 1), r"got \[64, 1\]"),
        (2, (64, 16), r"has shape \[32, 16\]"),
        (3, (1, 16), "has shards 0 to 2; asked for 3"),
        (-1, (32, 16), "asked for -1"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    unfinished: StoreWriter, shard: int, shape: tuple[int, int], message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        unfinished.write_shard("alpha@1", shard, np.zeros(shape, np.float32))
    assert unfinished.missing("alpha@1") == [0, 1, 2]


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.4e38])
def test_values_that_are_not_finite_as_stored_are_refused(
    unfinished: StoreWriter, value: float
) -> None:
    rows = np.zeros((64, 16), np.float32)
    rows[3, 5] = value
    with pytest.raises(NumericalError, match="alpha@1: rows 64 to 128 hold values that are not"):
        unfinished.write_shard("alpha@1", 1, rows)
    assert unfinished.missing("alpha@1") == [0, 1, 2]


def test_rows_that_the_mask_drops_count_in_no_statistic(
    tmp_path: Path, plan: StorePlan, store: ActivationStore
) -> None:
    mask = np.arange(160) % 5 != 0
    writer = StoreWriter.create(tmp_path / "m.zarr", dataclasses.replace(plan, mask=mask))
    writer.add_sources([gamma(16)], codec="fp32", tuples=[("gamma@0",)])
    rows = store.activations("alpha@1")[:]
    rows[~mask] = np.nan
    for shard in writer.missing("gamma@0"):
        start, stop = writer.shard_range(shard)
        writer.write_shard("gamma@0", shard, rows[start:stop])
    writer.seal()
    found = ActivationStore.open(tmp_path / "m.zarr")
    np.testing.assert_array_equal(found.rows.mask[:], mask)
    statistics = found.statistics("gamma@0")
    assert statistics.n == mask.sum()
    np.testing.assert_allclose(statistics.mean, rows[mask].astype(float).mean(axis=0), rtol=1e-12)
    assert verify_store(tmp_path / "m.zarr") == []


def test_creating_over_something_is_refused(store_path: Path, plan: StorePlan) -> None:
    with pytest.raises(RequestError, match="exists already; choose another --store"):
        StoreWriter.create(store_path, plan)


def test_opening_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="found nothing"):
        StoreWriter.open(tmp_path / "absent.zarr")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where the tests may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system is not allowed here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_one_line_and_what_was_written_is_safe(
    small_disk: Path, plan: StorePlan
) -> None:
    writer = StoreWriter.create(small_disk / "s.zarr", plan)
    writer.add_sources([gamma(1024)], codec="fp32", tuples=[])
    rows = np.random.default_rng(0).normal(size=(64, 1024)).astype(np.float32)
    writer.write_shard("gamma@0", 0, rows)
    (small_disk / "other").write_bytes(bytes(1_550_000))
    with pytest.raises(XcError, match=r"shard 1 of gamma@0 could not be written \(No space") as e:
        writer.write_shard("gamma@0", 1, rows)
    assert "free space and run the same command again" in str(e.value)
    assert "\n" not in str(e.value)
    (small_disk / "other").unlink()
    writer.close()
    again = StoreWriter.open(small_disk / "s.zarr")
    assert again.missing("gamma@0") == [1, 2]
    again.write_shard("gamma@0", 1, rows)
    opened = ActivationStore.open(small_disk / "s.zarr", allow_incomplete=True)
    np.testing.assert_array_equal(opened.activations("gamma@0")[64:128], rows)
    again.close()


def test_a_disk_too_small_for_the_text_leaves_nothing(small_disk: Path, plan: StorePlan) -> None:
    (small_disk / "other").write_bytes(bytes(2_000_000))
    with pytest.raises(XcError, match=r"s.zarr could not be written \(No space"):
        StoreWriter.create(small_disk / "s.zarr", plan)
    assert [p.name for p in small_disk.iterdir()] == ["other"]
