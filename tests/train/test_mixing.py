"""Same-sequence pairs in batches: the figure beside brute force, and that windows stay below it."""

from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.store_schema import ActivationStore, RequestError, RunLayout, Silent
from xc.store_schema.describe import describe
from xc.train import ShuffledStream, StreamPosition, TrainConfig, train
from xc.train.folder import with_window
from xc.train.kept import KeptRows
from xc.train.mixing import BAR, mixing, strips_enough
from xc.train.seen import notes_on, seen
from xc.train.shuffle import Shuffle, shuffle_of
from xc.train.window_size import default_window_mb, machine_memory

KEYS = ("alpha@1", "beta@2")


def sequence_of(rows: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return np.searchsorted(offsets, rows, side="right") - 1


def share(batches: list[np.ndarray]) -> float:
    """Of the pairs in these batches, the part that is of one sequence."""
    pairs = [a == b for batch in batches for a, b in combinations(batch.tolist(), 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def brute_force(shuffle: Shuffle, rows: KeptRows, offsets: np.ndarray, batch: int) -> float:
    """The mean over every way to permute the parts of windows is that over pairs of places."""
    whole = np.concatenate([rows.of_window(shuffle, 0, w) for w in range(shuffle.n_windows)])
    part, order = [], []
    for w in range(shuffle.n_windows):
        of_window = rows.of_window(shuffle, 0, w)
        parts = shuffle.spread(0, w)
        for p in parts:
            order.append(of_window[p :: len(parts)])
            part += [len(order) - 1] * len(order[-1])
    assert sorted(np.concatenate(order)) == sorted(whole)
    total, pairs = 0.0, 0
    for start in range(0, len(whole) - batch + 1, batch):
        for i, j in combinations(range(start, start + batch), 2):
            a, b = order[part[i]], order[part[j]]
            same = sequence_of(a, offsets)[:, None] == sequence_of(b, offsets)[None, :]
            if part[i] == part[j]:
                total += (same.sum() - len(a)) / (len(a) * (len(a) - 1))
            else:
                total += same.mean()
            pairs += 1
    return (total / pairs) / share([sequence_of(whole, offsets)])


@settings(max_examples=25)
@given(st.data())
def test_the_figure_is_that_of_brute_force(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(2, 9), min_size=4, max_size=9))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    n = int(offsets[-1])
    mask = np.array(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))) > 0
    ranges = [(0, n // 2), (n // 2 + 1, n)]
    mask = np.delete(mask, n // 2)
    batch = data.draw(st.integers(2, 6))
    made = shuffle_of(
        ranges,
        mask,
        piece=data.draw(st.integers(2, 7)),
        window=data.draw(st.integers(3, 12)),
        seed=1,
        strips=data.draw(st.integers(1, 3)),
        batch=data.draw(st.sampled_from([batch, None])),
    )
    if made.n_windows == 1 or made.n_rows < batch:
        return
    rows = KeptRows(ranges, mask)
    everything = np.concatenate([rows.numbers(a, b) for a, b in ranges])
    if share([sequence_of(everything, offsets)]) == 0:
        return
    found = mixing(made, rows, offsets, batch=batch, windows=99)
    assert found == pytest.approx(brute_force(made, rows, offsets, batch), abs=1e-9)


def test_one_window_is_a_global_shuffle() -> None:
    mask = np.ones(64, dtype=bool)
    made = shuffle_of([(0, 64)], mask, piece=8, window=64, seed=0, strips=4, batch=8)
    rows = KeptRows([(0, 64)], mask)
    assert made.n_strips == 1
    assert mixing(made, rows, np.arange(0, 65, 8), batch=8) == 1.0
    assert rows.of_window(made, 0, 0).tolist() == list(range(64))


@pytest.mark.parametrize("length", [32, 128, 512])
@pytest.mark.parametrize("batch", [64, 256])
def test_windows_of_an_eighth_of_the_store_mix(length: int, batch: int) -> None:
    n = 64 * 1024
    mask, offsets = np.ones(n, dtype=bool), np.arange(0, n + 1, length)
    rows = KeptRows([(0, n)], mask)

    def figure(strips: int, spread: int | None) -> float:
        made = shuffle_of(
            [(0, n)], mask, piece=1024, window=n // 8, seed=0, strips=strips, batch=spread
        )
        return mixing(made, rows, offsets, batch=batch)

    assert figure(1, None) > 5
    assert figure(8, batch) < BAR


def test_how_often_rows_would_have_to_be_read() -> None:
    n, length, batch = 256 * 1024, 512, 1024
    mask, offsets = np.ones(n, dtype=bool), np.arange(0, n + 1, length)
    rows = KeptRows([(0, n)], mask)

    def made(strips: int, window: int = 32 * 1024) -> Shuffle:
        return shuffle_of(
            [(0, n)], mask, piece=1024, window=window, seed=0, strips=strips, batch=batch
        )

    enough = strips_enough(made, rows, offsets, batch=batch, beyond=1)
    assert enough is not None
    figures = [mixing(made(s), rows, offsets, batch=batch) for s in (enough // 2, enough)]
    assert figures[0] > BAR >= figures[1]
    tiny = partial(made, window=2048)
    assert strips_enough(tiny, rows, offsets, batch=batch, beyond=1) is None


def test_the_stream_reads_as_often_as_it_takes(planted_store: ActivationStore) -> None:
    small = 300 * 2 * (16 + 16)

    def opened(**values: int) -> ShuffledStream:
        return ShuffledStream(planted_store, KEYS, seed=0, window_bytes=small, **values)

    with opened(batch=32) as once, opened(batch=32, most_reads=8) as often, opened() as plain:
        assert (once.shuffle.n_strips, plain.mixing) == (1, None)
        assert once.mixing is not None
        assert often.mixing is not None
        assert often.mixing <= BAR < once.mixing
        reads = once.reads_to_mix()
        assert reads == often.shuffle.n_strips
        assert any(f"window_reads {reads} mixes them, about" in note for note in notes_on(once))
        assert [f"read {often.shuffle.n_strips} times" in note for note in notes_on(often)] == [
            True
        ]
        assert seen(often, 5000).unique_rows == often.n_rows == 1536
        offsets, position, batches = planted_store.sequences.row_offsets, StreamPosition(), []
        for _ in range(48 * 8):
            batch, position = often.batch(position, 32)
            batches.append(sequence_of(batch.rows, offsets))
        assert share(batches) / share([sequence_of(np.arange(1536), offsets)]) <= BAR


def test_a_run_says_what_it_has_seen(tmp_path: Path, planted_store: ActivationStore) -> None:
    config = TrainConfig.resolve(
        {"d_sae": 32, "k": 2, "tokens": 2000, "batch_size": 100, "device": "cpu"}
    )
    report = train(config, store=planted_store, run=RunLayout(tmp_path), progress=Silent())
    found = describe(tmp_path)["stream"]
    assert (found["tokens"], found["unique_rows"], found["rows"]) == (2000, 1536, 1536)
    assert (found["windows"], found["reads"], found["mixing"]) == (1, 1, 1.0)
    assert (report.unique_rows, report.epochs) == (1536, found["epochs"])


def test_all_rows_are_one_window_if_they_fit() -> None:
    gib = 2**30
    assert default_window_mb(3 * gib, memory=16 * gib) == 3 * 1024
    assert default_window_mb(5 * gib, memory=16 * gib) == 2 * 1024
    assert default_window_mb(1, memory=16 * gib) == 1
    assert default_window_mb(20 * gib, memory=1024 * gib) == 8 * 1024
    assert machine_memory() > 2**28


def test_processes_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine_memory()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert machine_memory() == whole // 4


def test_a_run_goes_on_with_its_window(tmp_path: Path, planted_store: ActivationStore) -> None:
    run = RunLayout(tmp_path)
    values = {"d_sae": 32, "k": 2, "tokens": 1000, "batch_size": 100, "device": "cpu"}
    config = TrainConfig.resolve({**values, "window_mb": 7})
    train(config, store=planted_store, run=run, progress=Silent())
    again = TrainConfig.resolve(values)
    assert train(again, store=planted_store, run=run, progress=Silent()).new_steps == 0
    assert with_window(run, again).window_mb == 7
    assert with_window(RunLayout(tmp_path / "new"), again).window_mb is None
    other = TrainConfig.resolve({**values, "window_mb": 8})
    with pytest.raises(RequestError, match="window_mb 7; asked for window_mb 8"):
        train(other, store=planted_store, run=run, progress=Silent())


def test_strips_are_read_as_stored(tmp_path: Path) -> None:
    truth = planted.make_truth(60 * 32, widths=(16, 12))
    store = planted.write_store(tmp_path / "two.zarr", truth, planted.make_plan())
    with ShuffledStream(
        store, KEYS, seed=0, window_bytes=300 * 56, batch=48, most_reads=4
    ) as stream:
        assert stream.shuffle.n_strips > 1
        batch, _ = stream.batch(StreamPosition(0, 1, 5), 400)
    for key, part in zip(KEYS, batch.parts, strict=True):
        assert (part.float().numpy() == store.activations(key)[:][batch.rows]).all()
