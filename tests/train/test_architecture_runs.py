"""Whole runs of each architecture: trained, resumed, verified, evaluated, described."""

import json
from pathlib import Path

import numpy as np
import planted
import pytest
import yaml
from architectures import ARCHITECTURES
from training import mask_rows, short, tree

from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    LatentTable,
    RequestError,
    RunLayout,
    Silent,
)
from xc.store_schema.describe import describe
from xc.store_schema.verify_run import verify_run
from xc.train import Crosscoder, TrainConfig, train


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """960 rows of sources 16 and 12 wide; every 7th row is masked."""
    truth = planted.make_truth(30 * 32, widths=(16, 12))
    folder = tmp_path_factory.mktemp("store")
    made = planted.write_store(folder / "two.zarr", truth, planted.make_plan(n_sequences=30))
    mask_rows(made, np.arange(made.n_rows) % 7 != 0)
    return ActivationStore.open(made.path)


SMALL = {"bootstrap": 20, "report": False}
RUNS = {
    name: values
    for name, values in ARCHITECTURES.items()
    if name
    in (
        "l1-sae",
        "relu",
        "topk",
        "batch_topk-mixed",
        "batch_topk-prefixes",
        "decoupled",
        "jumprelu",
    )
}
EVERY = pytest.mark.parametrize("name", sorted(RUNS))


def config_of(name: str, **values: object) -> TrainConfig:
    return short(tokens=12 * 64, validate_every=4, save_every=5, **RUNS[name], **values)


def heldout(store: ActivationStore) -> tuple[np.ndarray, list[np.ndarray]]:
    """Numbers of the held-out rows that take part, and their raw activations."""
    ((start, stop),) = store.splits["heldout"]
    rows = np.arange(start, stop)[np.asarray(store.rows.mask[start:stop])]
    return rows, [store.activations(s.key)[start:stop][rows - start] for s in store.sources]


@EVERY
def test_trained_verified_and_evaluated(name: str, store: ActivationStore, run: RunLayout) -> None:
    report = train(config_of(name), store=store, run=run, progress=Silent())
    evaluation = evaluate(EvaluateConfig(**SMALL), run=run, store=store, progress=Silent())  # type: ignore[arg-type]
    assert verify_run(run.root, Silent(), store=store) == []
    checkpoint = Checkpoint.load(run.checkpoint)
    rows, raw = heldout(store)
    f, x = checkpoint.encode(raw), checkpoint.normalise(raw)
    latent = np.nonzero(f)[1]
    indptr, latents, activations = LatentTable.open(run.latents).csr(
        int(rows[0]), int(rows[-1]) + 1
    )
    assert len(latents) == pytest.approx(len(latent), rel=0.01)
    assert float(activations.sum()) == pytest.approx(float(f.sum()), rel=1e-3)
    assert indptr[-1] == len(latents)
    for m, (mine, xhat) in enumerate(zip(x, checkpoint.decode(f), strict=True)):
        error, spread = np.square(mine - xhat).sum(), np.square(mine - mine.mean(axis=0)).sum()
        assert evaluation.summary[f"fve_{'ab'[m]}"] == pytest.approx(1 - error / spread, abs=1e-3)
    assert evaluation.summary["l0"] == pytest.approx((f > 0).sum() / len(f), rel=0.01)
    assert report.l0 > 0
    assert_described(run, checkpoint)
    module = Crosscoder.from_pretrained(run.root)
    np.testing.assert_allclose(module.encode(raw).numpy(), checkpoint.fold().encode(raw), atol=1e-3)


def assert_described(run: RunLayout, checkpoint: Checkpoint) -> None:
    told = json.loads(json.dumps(describe(run.checkpoint)))
    fn = told["activation_fn"]
    newer = fn["name"] in ("topk", "jumprelu") or "code_norm" in fn
    assert told["schema_version"] == (2 if newer else 1)
    shown = {"decoupled": 2, "jumprelu": 5}.get(fn.get("code_norm", fn["name"]))
    if shown is not None:  # θ per source, or quartiles of one per latent
        assert len(told["threshold"]) == shown
    else:
        assert told["threshold"] == checkpoint.threshold


@pytest.mark.parametrize("name", ["decoupled", "jumprelu", "topk"])
def test_stopped_and_resumed_bit_for_bit(
    name: str, store: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(name)
    whole, parts = RunLayout(tmp_path / "whole"), RunLayout(tmp_path / "parts")
    train(config, store=store, run=whole, progress=Silent())

    class Stop(Silent):
        steps = 0

        def advance(self, n: int, **figures: float) -> None:
            Stop.steps += 1
            if Stop.steps == 7:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, store=store, run=parts, progress=Stop())
    train(config, store=store, run=parts, progress=Silent())
    assert tree(parts.root) == tree(whole.root)


def test_a_run_from_before_the_order_had_its_own_seed_keeps_its_order(
    store: ActivationStore, run: RunLayout
) -> None:
    asked = config_of("topk", seed=3, shuffle_seed=3)
    train(asked, store=store, run=run, progress=Silent())
    before = tree(run.root)
    written = yaml.safe_load(run.config.read_text())
    del written["train"]["shuffle_seed"]
    run.config.write_text(yaml.safe_dump(written, sort_keys=False))
    train(asked, store=store, run=run, progress=Silent())
    with pytest.raises(RequestError, match="a run with shuffle_seed 3; asked for shuffle_seed 0"):
        train(config_of("topk", seed=3), store=store, run=run, progress=Silent())
    assert {k: v for k, v in tree(run.root).items() if k != "config.yaml"} == {
        k: v for k, v in before.items() if k != "config.yaml"
    }
