"""A longer text in an old store: same bytes however often it is killed, nothing computed again."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from folders import contents
from growing import longer

from xc.store_schema import (
    ActivationStore,
    DamageError,
    RequestError,
    StorePlan,
    StoreWriter,
    XcError,
    extension,
)
from xc.store_schema.verify import verify_store

SCRIPTS = Path(__file__).parent / "scripts"


def complete(writer: StoreWriter) -> list[int]:
    """Write what is missing, values by row; the shards that were."""
    written = []
    for key in writer.keys:
        for shard in writer.missing(key):
            start, stop = writer.shard_range(shard)
            known = writer.tail(key).get(shard, np.zeros((0, 16)))
            rows = rows_of(key, start, stop)
            np.testing.assert_array_equal(known.astype(np.float32), bf16(rows[: len(known)]))
            writer.write_shard(key, shard, rows)
            written.append(shard)
    writer.seal()
    return written


def rows_of(key: str, start: int, stop: int) -> np.ndarray:
    return np.random.default_rng(len(key)).normal(size=(1000, 16))[start:stop].astype(np.float32)


def bf16(rows: np.ndarray) -> np.ndarray:
    bits = rows.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


@pytest.fixture
def old(unfinished: StoreWriter) -> StoreWriter:
    complete(unfinished)
    return unfinished


def test_the_store_is_that_of_the_longer_text(
    old: StoreWriter, plan: StorePlan, store: ActivationStore, tmp_path: Path
) -> None:
    before = contents(old.path)
    old.extend(longer(plan))
    with pytest.raises(RequestError, match="incomplete"):
        ActivationStore.open(old.path)
    assert old.n_rows == 160 + 264
    assert old.missing("alpha@1") == [2, 3, 4, 5, 6]
    assert {i: len(rows) for i, rows in old.tail("alpha@1").items()} == {2: 32}
    complete(old)
    assert old.tail("alpha@1") == {}
    assert verify_store(old.path) == []
    once = StoreWriter.create(tmp_path / "once.zarr", longer(plan))
    once.add_sources(store.sources, codec="bf16", tuples=store.tuples)
    complete(once)
    assert contents(once.path) == contents(old.path)
    for shard in ("activations/alpha@1/c/0/0", "activations/beta@2/c/1/0"):
        assert contents(old.path)[shard] == before[shard]


def test_text_may_be_added_twice_before_anything_is_computed(
    old: StoreWriter, plan: StorePlan
) -> None:
    old.extend(longer(plan, 3))
    old.extend(longer(longer(plan, 3), 4))
    assert {i: len(rows) for i, rows in old.tail("beta@2").items()} == {2: 32}
    complete(old)
    old.extend(longer(longer(longer(plan, 3), 4), 5))
    assert {i: len(rows) for i, rows in old.tail("beta@2").items()} == {3: 216 - 192}
    assert complete(old) == [3, 3]
    assert verify_store(old.path) == []


def test_kept_rows_that_are_damaged_are_computed_again(old: StoreWriter, plan: StorePlan) -> None:
    old.extend(longer(plan))
    (kept,) = (old.path / ".kept/alpha@1").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    assert old.tail("alpha@1") == {}
    assert complete(old)[:2] == [2, 3]
    assert not (old.path / ".kept").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p, "holds 160 rows already; asked for 160"),
        (lambda p: dataclasses.replace(longer(p), shard_rows=32), "holds shard_rows 64"),
        (lambda p: dataclasses.replace(longer(p), tokenizer={"hash": "x"}), "another tokenizer"),
        (lambda p: dataclasses.replace(longer(p), document=longer(p).document + 1),
         r"differs from the one that it holds \(sequences/document\)"),
    ],
)  # fmt: skip
def test_what_is_no_longer_text_is_refused(
    old: StoreWriter, plan: StorePlan, change: Callable[[StorePlan], StorePlan], message: str
) -> None:
    before = contents(old.path)
    with pytest.raises(RequestError, match=message):
        old.extend(change(plan))
    assert contents(old.path) == before


def test_nobody_else_may_be_writing(old: StoreWriter, plan: StorePlan) -> None:
    other = StoreWriter.open(old.path)
    with pytest.raises(XcError, match="another process writes to it"):
        old.extend(longer(plan))
    other.close()
    old.extend(longer(plan))


def test_while_it_is_underway_no_reader_opens_it(old: StoreWriter, plan: StorePlan) -> None:
    extension.begin(old.path, old.attributes, longer(plan))
    with pytest.raises(RequestError, match="is being extended"):
        ActivationStore.open(old.path, allow_incomplete=True)
    old.close()
    assert StoreWriter.open(old.path).n_rows == 424


def test_a_text_without_a_journal_is_a_left_over(old: StoreWriter, plan: StorePlan) -> None:
    before = contents(old.path)
    extension.begin(old.path, old.attributes, longer(plan))
    (old.path / extension.JOURNAL).unlink()
    old.close()
    StoreWriter.open(old.path)
    assert contents(old.path) == before


def test_a_damaged_text_is_told(old: StoreWriter, plan: StorePlan) -> None:
    (old.path / "rows/token_id/c/0").write_bytes(b"damaged")
    with pytest.raises(DamageError, match="rows/token_id/c/0"):
        old.extend(longer(plan))


@pytest.mark.slow
def test_killed_at_any_file_operation_it_goes_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "kill_extension.py", tmp_path, "8"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kills"] >= 8
