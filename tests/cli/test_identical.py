"""A crosscoder trained on one source twice finds nothing exclusive, from equal starts or others."""

from pathlib import Path

import planted
import pytest

from xc.evaluate import EvaluateConfig, Evaluation, evaluate
from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.train import TrainConfig, train

A = planted.KEYS[0]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    plan = planted.make_plan(n_sequences=200)
    truth = planted.make_truth(plan.n_rows, n_shared=20, n_a_only=0, n_b_only=0)
    return planted.write_store(tmp_path_factory.mktemp("identical") / "acts.zarr", truth, plan)


def trained(store: ActivationStore, folder: Path, **values: object) -> Evaluation:
    config = TrainConfig.resolve({
        "sources": (A, A), "d_sae": 32, "tokens": 128 * 500, "batch_size": 128, "device": "cpu",
        **values,
    })  # fmt: skip
    run = RunLayout(folder)
    train(config, store=store, run=run, progress=Silent())
    how = EvaluateConfig(bootstrap=0, groups=0, examples=0, report=False)
    return evaluate(how, run=run, store=store, progress=Silent())


@pytest.mark.parametrize("values", [{"k": 2}, {"sparsity": "l1", "l1_coeff": 0.5}])
def test_from_equal_starts_it_is_exact(
    store: ActivationStore, tmp_path: Path, values: dict[str, object]
) -> None:
    """Both decoders see the same gradients from the same start: no step tells them apart."""
    done = trained(store, tmp_path / "run", init_same=True, tokens=128 * 100, **values)
    assert (done.latents.column("delta_norm") == 0.5).all()
    assert done.summary["sharedness"] == pytest.approx(1.0, abs=1e-12)
    assert done.summary["alignment"] == pytest.approx(1.0, abs=1e-9)
    assert done.summary["n_a_only"] == done.summary["n_b_only"] == done.summary["n_other"] == 0
    for name in ("cca", "svcca", "pwcca", "cka", "procrustes"):
        assert done.summary[name] == 1.0
    assert done.summary["n_twins"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("values", [{"k": 2}, {"sparsity": "l1", "l1_coeff": 0.5}])
def test_from_other_starts_it_is_all_but_exact(
    store: ActivationStore, tmp_path: Path, values: dict[str, object]
) -> None:
    done = trained(store, tmp_path / "run", **values)
    assert done.summary["sharedness"] >= 0.999
    assert done.summary["alignment"] >= 0.99
    assert done.summary["n_a_only"] == done.summary["n_b_only"] == 0
    assert done.summary["n_shared"] > 0
