"""Runs on some of the rows: stream, scales, validation, latent table and the record agree."""

import math
from pathlib import Path

import labelled
import numpy as np
import pytest
import yaml
from training import short

from xc.store_schema import (
    ActivationStore,
    LatentTable,
    RequestError,
    RowFilter,
    RunLayout,
    Silent,
)
from xc.train import ShuffledStream, StreamPosition, TrainReport, train
from xc.train.heldout import heldout_rows
from xc.train.normalisation import scales_of

KEYS = labelled.KEYS
KEPT = RowFilter(("assistant",))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return labelled.labelled_store(tmp_path_factory.mktemp("labelled") / "acts.zarr")


def expected(store: ActivationStore, split: str, row_filter: RowFilter) -> list[int]:
    mask = row_filter.mask(store, KEYS, 0, store.n_rows)
    return [r for a, b in store.splits[split] for r in range(a, b) if mask[r]]


def go(store: ActivationStore, run: RunLayout, **values: object) -> TrainReport:
    return train(short(**values), store=store, run=run, progress=Silent())


@pytest.mark.parametrize(
    "row_filter", [KEPT, RowFilter(), RowFilter(drop_sinks=False), RowFilter(("corpus:org/web",))]
)
def test_the_stream_gives_these_rows_once_an_epoch(
    store: ActivationStore, row_filter: RowFilter
) -> None:
    wanted = expected(store, "train", row_filter)
    with ShuffledStream(
        store, KEYS, seed=0, window_bytes=300 * 28 * 2, row_filter=row_filter
    ) as stream:
        batch, position = stream.batch(StreamPosition(), len(wanted))
    assert position == StreamPosition(1)
    assert sorted(batch.rows.tolist()) == wanted
    for key, part in zip(KEYS, batch.parts, strict=True):
        assert (part.float().numpy() == store.activations(key)[:][batch.rows]).all()


def test_a_run_is_on_these_rows_alone(store: ActivationStore, tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    go(store, run, keep="assistant")
    table = LatentTable.open(run.latents)
    assert table.row_filter == KEPT
    row = np.concatenate([table.entries(a, b)[0] for a, b in table.ranges])
    assert set(row.tolist()) <= set(expected(store, "heldout", KEPT))
    assert len(row) > 0
    told = yaml.safe_load(run.config.read_text())["train"]
    assert (told["keep"], told["drop_sinks"]) == (["assistant"], True)
    with pytest.raises(
        RequestError, match=r"holds a run with keep \['assistant'\]; asked for keep"
    ):
        go(store, run, keep="user")
    with pytest.raises(RequestError, match="holds a run with drop_sinks True"):
        go(store, run, keep="assistant", drop_sinks=False)


def test_validation_is_on_these_rows(store: ActivationStore) -> None:
    assert heldout_rows(store, KEYS, KEPT).tolist() == expected(store, "heldout", KEPT)


@pytest.mark.parametrize(
    ("normalisation", "centred"), [("mean_norm", False), ("rms", False), ("mean_norm", True)]
)
def test_scales_are_those_of_these_rows(
    store: ActivationStore, normalisation: str, centred: bool
) -> None:
    scales = scales_of(store, KEYS, normalisation=normalisation, centred=centred, row_filter=KEPT)
    rows = KEPT.mask(store, KEYS, 0, store.n_rows)
    for key, scale in zip(KEYS, scales, strict=True):
        mean = store.statistics(key).mean if centred else 0.0
        x = scale * (store.activations(key)[:][rows].astype(np.float64) - mean)
        lengths = np.linalg.norm(x, axis=1)
        found = lengths.mean() if normalisation == "mean_norm" else math.sqrt((lengths**2).mean())
        assert found == pytest.approx(math.sqrt(x.shape[1]), rel=1e-6)


def test_a_run_of_before_goes_on_with_the_defaults(store: ActivationStore, tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    go(store, run)
    told = yaml.safe_load(run.config.read_text())
    del told["train"]["keep"], told["train"]["drop_sinks"]
    run.config.write_text(yaml.safe_dump(told))
    assert go(store, run).new_steps == 0
    with pytest.raises(RequestError, match="holds a run with drop_sinks True"):
        go(store, run, drop_sinks=False)


def test_nothing_left_and_unknown_names_are_refused(store: ActivationStore, tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    with pytest.raises(RequestError, match=r"no train rows .*\(user, corpus:org/web, attention"):
        go(store, run, keep=("user", "corpus:org/web"))
    with pytest.raises(RequestError, match="did you mean 'assistant'"):
        go(store, RunLayout(tmp_path / "other"), keep="asistant")


def test_how_many_rows_are_left_is_said(store: ActivationStore, tmp_path: Path) -> None:
    notes: list[str] = []

    class Watch(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    train(short(keep="user"), store=store, run=RunLayout(tmp_path / "run"), progress=Watch())
    n = len(expected(store, "train", RowFilter(("user",))))
    assert f"training on {n:,} of 1,536 train rows (user, attention sinks dropped)" in notes
