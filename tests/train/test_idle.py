"""Which settings play no part, and that those which are said to play none change nothing."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures import ARCHITECTURES, config_of
from training import short

from xc.store_schema import ActivationStore, Checkpoint, RunLayout, Silent
from xc.train import TrainConfig, train
from xc.train.idle import NEEDS, idle, reason
from xc.train.presets import PRESETS

OTHER: dict[str, Any] = {
    "code_norm": "sae",
    "k": 5,
    "k_start": 9,
    "k_anneal_steps": 3,
    "l1_coeff": 7.0,
    "l1_warmup": 0.7,
    "jumprelu_threshold": 0.6,
    "jumprelu_bandwidth": 0.9,
    "tanh_scale": 2.5,
    "matryoshka_reduction": "sum",
    "shared_penalty": 0.9,
    "auxk_k": 1,
}
"""A value of each that is not its default."""


def test_each_is_a_setting_of_training() -> None:
    assert NEEDS.keys() == OTHER.keys() <= {field.name for field in fields(TrainConfig)}


@pytest.mark.parametrize(
    "values",
    [
        {"sparsity": "none"},
        {"sparsity": "l1"},
        {"sparsity": "batch_topk", "auxk_coeff": 0.0},
        {"sparsity": "jumprelu"},
    ],
)
def test_idle_settings_change_nothing(
    planted_store: ActivationStore, tmp_path: Path, values: dict[str, Any]
) -> None:
    config = short(**values, tokens=4 * 128, batch_size=128)
    others = {name: OTHER[name] for name in idle(replace(config, **_both(config)))}
    tensors = []
    for number, asked in enumerate((config, replace(config, **others))):
        run = RunLayout(tmp_path / str(number))
        train(asked, store=planted_store, run=run, progress=Silent())
        tensors.append(Checkpoint.load(run.root).tensors())
    assert len(others) > 3
    for name, tensor in tensors[0].items():
        # k_start may pick another pass, which sums in another order.
        np.testing.assert_allclose(tensor, tensors[1][name], rtol=1e-5, atol=1e-6)


def _both(config: TrainConfig) -> dict[str, Any]:
    """Other values of what is idle; k_start and k_anneal_steps would wake each other."""
    left_out = "k_anneal_steps" if config.sparsity == "batch_topk" else ""
    found = idle(replace(config, k_start=9, auxk_k=1))
    return {name: OTHER[name] for name in found if name != left_out}


def test_reasons_name_what_to_ask_for() -> None:
    config = TrainConfig.resolve({"sparsity": "topk", "k_start": 9, "shared_penalty": 0.2})
    said = {name: reason(name, need, config) for name, need in idle(config).items()}
    assert said["l1_coeff"] == (
        "--l1-coeff plays no part with --sparsity topk; leave it out, or use --sparsity l1 or "
        "jumprelu"
    )
    assert "without --k-anneal-steps; leave it out, or give that too" in said["k_start"]
    assert "without --shared-fraction" in said["shared_penalty"]
    assert "k" not in said


def test_values_that_turn_a_thing_off_contradict_nothing() -> None:
    config = TrainConfig.resolve({"sparsity": "topk", "l1_coeff": 0.0, "k_anneal_steps": 0})
    assert not {"l1_coeff", "k_anneal_steps"} & idle(config).keys()


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_set_nothing_that_is_idle(preset: str) -> None:
    assert not idle(TrainConfig.resolve({"preset": preset})).keys() & PRESETS[preset].keys()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nothing_that_makes_an_architecture_is_idle(name: str) -> None:
    assert not idle(config_of(name)).keys() & ARCHITECTURES[name].keys()
