"""The permuted store: every row of B is one of B's, of the same split and another sequence."""

from pathlib import Path

import numpy as np
import pytest
from planted import make_plan, make_truth, write_store

from xc.evaluate.nulls.permuted_store import (
    check_permutable,
    choose,
    permuted_keys,
    write_permuted,
)
from xc.store_schema import ActivationStore, Progress, RequestError, RowFilter, Silent
from xc.store_schema.verify import verify

FILTER = RowFilter()
SEED = 3


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    plan = make_plan(n_sequences=60)
    truth = make_truth(plan.n_rows, widths=(8, 6))
    return write_store(tmp_path_factory.mktemp("permuted") / "acts.zarr", truth, plan)


def permuted(
    store: ActivationStore, path: Path, rows: int = 10**6, progress: Progress | None = None
) -> ActivationStore:
    a, b = (s.key for s in store.sources)
    return write_permuted(
        store, (a, b), path,
        row_filter=FILTER, rows=rows, seed=SEED, progress=progress or Silent(),
    )  # fmt: skip


def places(store: ActivationStore, key: str, rows: np.ndarray) -> np.ndarray:
    """The row of the store that holds each of these values."""
    index = {row.tobytes(): i for i, row in enumerate(store.activations(key)[:])}
    return np.array([index[row.tobytes()] for row in rows])


def test_b_moves_and_a_stays(store: ActivationStore, tmp_path: Path) -> None:
    found = permuted(store, tmp_path / "p.zarr")
    a, b = (s.key for s in store.sources)
    assert [s.key for s in found.sources] == [a, f"{b}~permuted"]
    assert found.tuples == ((a, f"{b}~permuted"),)
    assert found.n_rows == store.n_rows
    np.testing.assert_array_equal(found.activations(a)[:], store.activations(a)[:])
    moved = places(store, b, found.activations(f"{b}~permuted")[:])
    assert sorted(moved) == list(range(store.n_rows))
    sequence = store.rows.sequence[:]
    assert (sequence[moved] != sequence).all()
    split = store.sequences.split
    np.testing.assert_array_equal(split[sequence[moved]], split[sequence])
    assert found.splits == store.splits
    assert verify(found.path) == []


def test_some_rows_of_both_splits(store: ActivationStore, tmp_path: Path) -> None:
    found = permuted(store, tmp_path / "p.zarr", rows=store.n_rows // 2)
    assert store.n_rows * 0.4 < found.n_rows <= store.n_rows // 2
    a, b = (s.key for s in store.sources)
    stay = places(store, a, found.activations(a)[:])
    assert (np.diff(stay) > 0).all()
    sequence, split = store.rows.sequence[:], store.sequences.split
    moved = places(store, b, found.activations(f"{b}~permuted")[:])
    assert sorted(moved) == stay.tolist()
    assert (sequence[moved] != sequence[stay]).all()
    np.testing.assert_array_equal(split[sequence[moved]], split[sequence[stay]])
    for name in ("token_id", "position", "role"):
        np.testing.assert_array_equal(
            getattr(found.rows, name)[:], getattr(store.rows, name)[:][stay]
        )


class Told(Silent):
    """Keeps what bars are made of."""

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.bar, self.moved = (title, total, unit, done), done

    def advance(self, amount: int, **figures: float) -> None:
        self.moved += amount


def test_rows_of_both_sources_are_not_told_as_rows_of_the_store(
    store: ActivationStore, tmp_path: Path
) -> None:
    told, again = Told(), Told()
    permuted(store, tmp_path / "p.zarr", progress=told)
    assert told.bar == ("permute", 2 * store.n_rows, "activations", 0)
    permuted(store, tmp_path / "p.zarr", progress=again)
    assert again.bar[-1] == again.moved == told.moved == 2 * store.n_rows


def test_a_killed_writer_is_gone_on_with(store: ActivationStore, tmp_path: Path) -> None:
    whole = permuted(store, tmp_path / "whole.zarr")
    again = permuted(store, tmp_path / "again.zarr")
    key = again.sources[1].key
    again.shard_path(key, 1).unlink()
    (again.path / "zarr.json").write_text(
        (again.path / "zarr.json").read_text().replace('"complete": true', '"complete": false')
    )
    repaired = permuted(store, tmp_path / "again.zarr")
    np.testing.assert_array_equal(repaired.activations(key)[:], whole.activations(key)[:])


def test_dropped_rows_take_no_part(store: ActivationStore) -> None:
    a, b = (s.key for s in store.sources)
    mask = np.ones(store.n_rows, dtype=bool)
    mask[::3] = False

    class Third(RowFilter):
        def mask(self, store, keys, start, stop):  # type: ignore[no-untyped-def]
            return mask[start:stop]

    chosen = choose(store, (a, b), row_filter=Third(), rows=10**6, seed=SEED)
    np.testing.assert_array_equal(chosen.rows, np.flatnonzero(mask))
    assert chosen.plan.n_rows == mask.sum()
    np.testing.assert_array_equal(chosen.plan.rows()["token_id"], store.rows.token_id[:][mask])


def test_of_the_same_source_twice(store: ActivationStore, tmp_path: Path) -> None:
    a = store.sources[0].key
    found = write_permuted(
        store, (a, a), tmp_path / "p.zarr",
        row_filter=FILTER, rows=10**6, seed=SEED, progress=Silent(),
    )  # fmt: skip
    assert [s.key for s in found.sources] == [a, f"{a}~permuted"]


def test_the_parts_of_a_derived_source_move_together(
    store: ActivationStore, tmp_path: Path
) -> None:
    a, b = (s.key for s in store.sources)
    keys = (b, f"{a} + {b}")
    found = write_permuted(
        store, keys, tmp_path / "p.zarr",
        row_filter=FILTER, rows=10**6, seed=SEED, progress=Silent(),
    )  # fmt: skip
    stays, moves = permuted_keys(keys)
    assert (stays, moves) == (b, f"{a}~permuted + {b}~permuted")
    assert [s.key for s in found.sources] == [b, f"{a}~permuted", f"{b}~permuted"]
    np.testing.assert_array_equal(found.activations(stays)[:], store.activations(b)[:])
    moved = places(store, keys[1], found.activations(moves)[:])
    assert sorted(moved) == list(range(store.n_rows))
    sequence = store.rows.sequence[:]
    assert (sequence[moved] != sequence).all()
    assert verify(found.path) == []


def test_refusals(tmp_path: Path) -> None:
    one = make_plan(n_sequences=5)
    few = write_store(tmp_path / "few.zarr", make_truth(one.n_rows, widths=(4, 4)), one)
    with pytest.raises(RequestError, match="more than half"):
        choose(few, ("alpha@1", "beta@2"), row_filter=FILTER, rows=10**6, seed=0)


@pytest.mark.parametrize("rows", [2, 40, 100])
def test_too_few_rows_are_refused_with_how_many_are_enough(
    store: ActivationStore, rows: int
) -> None:
    a, b = (s.key for s in store.sources)

    def check(n: int) -> None:
        check_permutable(store, (a, b), row_filter=FILTER, rows=n, seed=SEED)

    with pytest.raises(RequestError, match=r"take --rows \d+ or more") as refused:
        check(rows)
    least = int(str(refused.value).rpartition("--rows ")[2].split()[0])
    check(least)
    chosen = choose(store, (a, b), row_filter=FILTER, rows=least, seed=SEED)
    assert rows < len(chosen.rows) <= least
    with pytest.raises(RequestError, match=f"--rows {least} or more"):
        check(least - 1)


def test_what_no_number_of_rows_mends_is_told(tmp_path: Path) -> None:
    plan = make_plan(n_sequences=5)
    few = write_store(tmp_path / "few.zarr", make_truth(plan.n_rows, widths=(4, 4)), plan)
    a, b = "alpha@1", "beta@2"
    with pytest.raises(RequestError, match="take a store of more sequences"):
        check_permutable(few, (a, b), row_filter=FILTER, rows=10, seed=0)
