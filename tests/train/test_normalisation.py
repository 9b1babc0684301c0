"""Scales from the store's statistics, and stored rows made ready."""

import math

import numpy as np
import pytest
import torch

from xc.store_schema import ActivationStore, RequestError
from xc.train import Crosscoder, TrainConfig, measured_scale
from xc.train.normalisation import prepare, scales_of
from xc.train.settle import empty_crosscoder, settle
from xc.train.tensors import as_tensor

KEYS = ("alpha@1", "beta@2")


@pytest.fixture
def rows(planted_store: ActivationStore) -> list[np.ndarray]:
    return [planted_store.activations(k)[:].astype(np.float64) for k in KEYS]


def test_mean_norm_makes_the_mean_length_root_d(
    planted_store: ActivationStore, rows: list[np.ndarray]
) -> None:
    scales = scales_of(planted_store, KEYS, normalisation="mean_norm", centred=False)
    for x, c in zip(rows, scales, strict=True):
        assert np.linalg.norm(c * x, axis=1).mean() == pytest.approx(math.sqrt(x.shape[1]))


@pytest.mark.parametrize("few", [False, True])
def test_the_mean_length_about_the_mean_is_read_from_rows(
    planted_store: ActivationStore,
    rows: list[np.ndarray],
    few: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if few:
        monkeypatch.setattr(measured_scale, "CENTRED_ROWS", 640)
    scales = scales_of(planted_store, KEYS, normalisation="mean_norm", centred=True)
    for x, c in zip(rows, scales, strict=True):
        found = np.linalg.norm(c * (x - x.mean(axis=0)), axis=1).mean()
        assert found == pytest.approx(math.sqrt(x.shape[1]), rel=0.05 if few else 1e-6)


@pytest.mark.parametrize("centred", [False, True])
def test_rms_makes_the_mean_squared_length_d(
    planted_store: ActivationStore, rows: list[np.ndarray], centred: bool
) -> None:
    scales = scales_of(planted_store, KEYS, normalisation="rms", centred=centred)
    for x, c in zip(rows, scales, strict=True):
        shifted = x - x.mean(axis=0) if centred else x
        lengths = np.linalg.norm(c * shifted, axis=1)
        assert (lengths**2).mean() == pytest.approx(x.shape[1], rel=1e-6)


def test_none_leaves_activations_alone(planted_store: ActivationStore) -> None:
    assert scales_of(planted_store, KEYS, normalisation="none", centred=False) == (1.0, 1.0)


@pytest.mark.parametrize("values", [{}, {"normalisation": "rms", "centre": True}, {"centre": True}])
def test_stored_rows_are_prepared_as_the_checkpoint_normalises_them(
    planted_store: ActivationStore, values: dict[str, object]
) -> None:
    config = settle(TrainConfig.resolve({"d_sae": 80, **values}), planted_store)
    cc = empty_crosscoder(config, planted_store)
    raw = [planted_store.activations(k).raw[:20] for k in KEYS]
    x = prepare(cc, [as_tensor(r) for r in raw])
    expected = np.concatenate(cc.to_checkpoint().normalise(raw), axis=1)
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(cc.join([r.astype(np.float32) for r in raw]), x)


def test_a_folded_crosscoder_takes_rows_as_they_are(planted_store: ActivationStore) -> None:
    config = settle(TrainConfig.resolve({"d_sae": 80}), planted_store)
    folded = Crosscoder.from_checkpoint(
        empty_crosscoder(config, planted_store).to_checkpoint().fold()
    )
    raw = [planted_store.activations(k).raw[:20] for k in KEYS]
    x = prepare(folded, [as_tensor(r) for r in raw])
    np.testing.assert_array_equal(x.numpy(), np.concatenate(raw, axis=1).astype(np.float32))


def test_more_latents_per_row_than_there_are_is_refused(planted_store: ActivationStore) -> None:
    with pytest.raises(RequestError, match="k is 64, but there are 8 latents"):
        settle(TrainConfig.resolve({"d_sae": 8}), planted_store)


def test_open_values_are_settled_from_the_store(planted_store: ActivationStore) -> None:
    config = settle(TrainConfig.resolve({"tokens": 8_000_000}), planted_store)
    assert (config.sources, config.d_sae, config.dead_after_tokens) == (KEYS, 8 * 16, 400_000)
    assert config.lr == pytest.approx(4e-4 * math.sqrt(128))
