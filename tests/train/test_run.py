"""Whole runs: planted truth is found, what is written fits together, watching changes nothing."""

import json
import math
from pathlib import Path

import numpy as np
import planted
import pytest
import torch
import yaml
import zarr
from training import mask_rows, short, tree

from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    LatentTable,
    NumericalError,
    RequestError,
    RunLayout,
    Silent,
)
from xc.train import Crosscoder, TrainConfig, TrainReport, train


class Watch(Silent):
    """Records what a stage says."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.titles: list[tuple[str, int, int]] = []
        self.moved = 0
        self.figures: set[str] = set()

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.titles.append((title, total, done))

    def advance(self, amount: int, **figures: float) -> None:
        self.moved += amount
        self.figures |= set(figures)

    def note(self, text: str) -> None:
        self.notes.append(text)


def go(store: ActivationStore, run: RunLayout, **values: object) -> TrainReport:
    return train(short(**values), store=store, run=run, progress=Silent())


def curve(run: RunLayout) -> list[dict[str, float]]:
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


RECOVERY = {
    "tokens": 600 * 256, "batch_size": 256, "d_sae": 24, "k": 2, "lr": 5e-3, "init_norm": 1.0,
    "init_decoder_bias": "geometric_median", "validate_every": 100, "log_every": 100,
    "save_every": 1000, "dead_after_tokens": 4096,
}  # fmt: skip


def test_planted_directions_are_recovered(tmp_path: Path) -> None:
    truth = planted.make_truth(240 * 32)
    store = planted.write_store(tmp_path / "p.zarr", truth, planted.make_plan(n_sequences=240))
    report = go(store, RunLayout(tmp_path / "run"), **RECOVERY)
    assert min(report.fve.values()) > 0.9
    checkpoint = Checkpoint.load(tmp_path / "run")
    cosines = unit(truth.directions) @ unit(checkpoint.fold().W_dec).T
    best, found = cosines.argmax(axis=1), cosines.max(axis=1) > 0.95
    assert found.sum() >= 16
    norms = checkpoint.decoder_norms()[best]
    share = norms[:, 1] / norms.sum(axis=1)
    assert (share[found & (truth.kind == "a_only")] < 0.05).all()
    assert (share[found & (truth.kind == "b_only")] > 0.95).all()
    assert (abs(share[found & (truth.kind == "shared")] - 0.5) < 0.1).all()


def unit(rows: tuple[np.ndarray, ...]) -> np.ndarray:
    """Directions of all sources side by side, each row of length one."""
    joined = np.concatenate(rows, axis=1)
    return joined / np.linalg.norm(joined, axis=1, keepdims=True)


def test_the_latent_table_is_what_the_checkpoint_says_of_kept_held_out_rows(
    store: ActivationStore, run: RunLayout
) -> None:
    go(store, run)
    checkpoint, table = Checkpoint.load(run.root), LatentTable.open(run.latents)
    assert table.checkpoint_fingerprint == checkpoint.fingerprint
    assert table.ranges == store.blocks("heldout")
    mask = np.asarray(store.rows.mask[:])
    for start, stop in table.ranges:
        row, latent, activation = table.entries(start, stop)
        assert mask[row].all()
        f = np.zeros((stop - start, table.d_sae), dtype=np.float32)
        f[row - start, latent] = activation
        expected = checkpoint.encode(
            [store.activations(k)[start:stop] for k in ("alpha@1", "beta@2")]
        )
        expected[~mask[start:stop]] = 0
        assert (expected > 0).sum() > 0
        np.testing.assert_allclose(f, expected, atol=1e-4)


@pytest.mark.parametrize("centre", [False, True])
def test_the_published_crosscoder_eats_raw_activations(
    store: ActivationStore, run: RunLayout, centre: bool
) -> None:
    report = go(store, run, tokens=200 * 64, centre=centre)
    cc = Crosscoder.from_pretrained(run.root)
    rows = np.flatnonzero(np.asarray(store.rows.mask[:]))
    rows = rows[rows >= store.splits["heldout"][0][0]]
    xs = [torch.from_numpy(store.activations(k)[:][rows]) for k in ("alpha@1", "beta@2")]
    for x, xhat, name in zip(xs, cc(xs), "ab", strict=True):
        fve = 1 - float((x - xhat).square().sum() / (x - x.mean(dim=0)).square().sum())
        assert fve == pytest.approx(report.fve[name], abs=0.05)


def test_the_curve_names_what_it_measures(store: ActivationStore, run: RunLayout) -> None:
    go(store, run)
    last = curve(run)[-1]
    assert set(last) == {
        "step", "tokens", "lr", "train/loss", "train/reconstruction", "train/auxk", "train/l0",
        "train/fve", "train/fve_a", "train/fve_b", "train/dead_fraction", "train/threshold",
        "val/l0", "val/fve", "val/fve_a", "val/fve_b", "val/dead_fraction",
        "val/batch/l0", "val/batch/fve", "val/batch/fve_a", "val/batch/fve_b",
    }  # fmt: skip
    assert (last["step"], last["tokens"], last["train/l0"]) == (24, 24 * 64, 4.0)
    assert last["val/batch/l0"] == 4.0


def test_l1_runs_write_their_penalty(store: ActivationStore, run: RunLayout) -> None:
    go(store, run, sparsity="l1")
    last = curve(run)[-1]
    assert last["train/loss"] == pytest.approx(
        last["train/reconstruction"] + 2 * last["train/penalty"], rel=1e-5
    )
    assert Checkpoint.load(run.root).threshold is None
    assert "val/fve_b" in last
    assert not any(name.startswith("val/batch") for name in last)


def test_inference_is_sparse_from_the_first_validation_on(
    store: ActivationStore, run: RunLayout
) -> None:
    go(store, run, validate_every=1)
    assert max(line["val/l0"] for line in curve(run)) < 20


@pytest.mark.parametrize("values", [{"log_every": 1, "validate_every": 1}, {"log_every": 1000}])
def test_logging_and_validation_change_no_training_state(
    store: ActivationStore, tmp_path: Path, values: dict[str, int]
) -> None:
    a, b = RunLayout(tmp_path / "a"), RunLayout(tmp_path / "b")
    go(store, a)
    go(store, b, **values)
    for name in ("crosscoder.safetensors", "config.json"):
        assert (a.checkpoint / name).read_bytes() == (b.checkpoint / name).read_bytes()
    state = "step-000000000024/state.safetensors"
    assert (a.state / state).read_bytes() == (b.state / state).read_bytes()


def test_the_window_size_changes_the_order_and_seeds_the_start(
    store: ActivationStore, tmp_path: Path
) -> None:
    runs = [RunLayout(tmp_path / str(seed)) for seed in (0, 1)]
    for seed, run in enumerate(runs):
        go(store, run, seed=seed)
    assert tree(runs[0].checkpoint) != tree(runs[1].checkpoint)


def test_the_written_configuration_makes_the_same_run(
    store: ActivationStore, tmp_path: Path
) -> None:
    a, b = RunLayout(tmp_path / "a"), RunLayout(tmp_path / "b")
    go(store, a)
    values = yaml.safe_load(a.config.read_text())["train"]
    train(TrainConfig.resolve(values), store=store, run=b, progress=Silent())
    assert tree(a.root) == tree(b.root)


def test_identical_sources_are_one_source_twice(
    planted_store: ActivationStore, run: RunLayout
) -> None:
    report = go(planted_store, run, sources=("alpha@1", "alpha@1"), init_same=True)
    checkpoint = Checkpoint.load(run.root)
    assert [s.key for s in checkpoint.sources] == ["alpha@1", "alpha@1"]
    np.testing.assert_allclose(*checkpoint.W_dec, rtol=1e-4, atol=1e-5)
    assert report.fve["a"] == pytest.approx(report.fve["b"], abs=1e-5)


def test_three_sources_and_one(tmp_path: Path) -> None:
    truth = planted.make_truth(60 * 32, widths=(16, 12, 8))
    store = planted.write_store(tmp_path / "three.zarr", truth, planted.make_plan())
    assert set(go(store, RunLayout(tmp_path / "3")).fve) == {"a", "b", "c"}
    assert set(go(store, RunLayout(tmp_path / "1"), sources="beta@2").fve) == {"a"}


def test_an_early_target_winds_the_run_down(store: ActivationStore, run: RunLayout) -> None:
    watch = Watch()
    config = short(tokens=2000 * 64, until_fve=0.1, lr=5e-3, init_norm=1.0)
    report = train(config, store=store, run=run, progress=watch)
    assert report.steps < 2000
    reached = next(n for n in watch.notes if "reached 0.1" in n)
    assert f"step {report.steps}" in reached
    lines = curve(run)
    assert lines[-1]["lr"] <= 0.2 * lines[0]["lr"]
    again = train(config, store=store, run=run, progress=Silent())
    assert (again.new_steps, again.steps) == (0, report.steps)


def test_progress_tells_tokens_figures_and_epochs(store: ActivationStore, run: RunLayout) -> None:
    watch = Watch()
    report = train(short(tokens=60 * 64), store=store, run=run, progress=watch)
    assert watch.titles[0] == ("train", 60 * 64, 0)
    assert watch.moved == 60 * 64 + 384
    assert watch.figures == {"loss", "l0", "fve"}
    assert any("2.9 times" in note for note in watch.notes)
    assert report.epochs == pytest.approx(60 * 64 / 1316, abs=0.01)


def poison(store: ActivationStore, split: str) -> ActivationStore:
    array = zarr.open_group(store.path, mode="r+")["activations/beta@2"]
    array[store.splits[split][0][0] + 70, 3] = math.nan  # type: ignore[index]
    return ActivationStore.open(store.path)


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_a_nan_in_the_store_stops_with_its_place(
    planted_store: ActivationStore, run: RunLayout, split: str
) -> None:
    row = planted_store.splits[split][0][0] + 70
    with pytest.raises(NumericalError, match=f"row {row} of beta@2 holds NaN"):
        go(poison(planted_store, split), run, validation_rows=5000)


def test_a_loss_that_explodes_names_the_last_good_state(
    store: ActivationStore, run: RunLayout
) -> None:
    with pytest.raises(NumericalError, match=r"last good state: .*step-0000000000(05|10)"):
        go(store, run, sparsity="l1", l1_coeff=3e38, l1_warmup=1.0)


def test_a_store_without_held_out_rows_is_refused(store: ActivationStore, run: RunLayout) -> None:
    mask = np.asarray(store.rows.mask[:])
    mask[store.splits["heldout"][0][0] :] = False
    mask_rows(store, mask)
    with pytest.raises(RequestError, match="no held-out rows"):
        go(ActivationStore.open(store.path), run)


def test_an_unknown_source_and_device_are_refused(store: ActivationStore, run: RunLayout) -> None:
    with pytest.raises(RequestError, match="did you mean 'alpha@1'"):
        go(store, run, sources="alpa@1")
    with pytest.raises(RequestError, match="device 'cuda:99' cannot be used"):
        go(store, run, device="cuda:99")
    assert not run.root.exists()
