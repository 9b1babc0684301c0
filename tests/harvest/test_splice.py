"""Splicing: a model's own activations cost nothing, zeros cost what ablation does; BOS stays."""

import numpy as np
import pytest
import torch
from tiny_harvest import SMALL, run, save_model

from xc.harvest import HarvestConfig, resolve_models, spliced_dtype, spliced_loss
from xc.store_schema import ActivationStore, NumericalError, RequestError, Silent

CONFIG = HarvestConfig(layers=("1",), device="cpu", **SMALL)


@pytest.fixture(scope="module", params=["gpt2", "llama", "openai-gpt"])
def world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("splice")
    model = save_model(folder / "m", request.param)
    run(
        folder / "acts.zarr",
        ("1", "3", "1.mlp_out", "0.attn_out"),
        [folder / "m"],
        codec="fp32",
        heldout_fraction=0.3,
    )
    return folder / "m", model, ActivationStore.open(folder / "acts.zarr")


def measure(world, key, reconstruct, *, split="heldout", choose=None):
    folder, _, store = world
    (ref,) = resolve_models([str(folder)])
    return spliced_loss(
        CONFIG, model=ref, store=store, key=key, reconstruct=reconstruct, split=split,
        progress=Silent(), choose=choose,
    )  # fmt: skip


def of_split(store, split):
    return np.flatnonzero(store.sequences.split == {"train": 0, "heldout": 1}[split])


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_the_clean_loss_is_the_models(world, split):
    _, model, store = world
    found = measure(world, "m@1", lambda a, b: store.activations("m@1")[a:b], split=split)
    run_here = of_split(store, split)
    for number, clean in zip(run_here, found.clean, strict=True):
        ids = torch.from_numpy(store.sequences.tokens(int(number)).astype(np.int64))[None]
        with torch.no_grad():
            loss = float(model(input_ids=ids, labels=ids).loss) * (ids.shape[1] - 1)
        assert clean == pytest.approx(loss, rel=1e-4)
    assert found.predicted.tolist() == [len(store.sequences.tokens(int(i))) - 1 for i in run_here]
    assert found.sequence.tolist() == run_here.tolist()
    rows = np.diff(store.sequences.row_offsets)[run_here]
    assert found.replaced.tolist() == rows.tolist()  # BOS is none


@pytest.mark.parametrize("key", ["m@1", "m@3", "m@1.mlp_out", "m@0.attn_out"])
def test_the_models_own_activations_cost_nothing(world, key):
    store = world[2]
    found = measure(world, key, lambda a, b: store.activations(key)[a:b])
    np.testing.assert_allclose(found.spliced, found.clean, rtol=1e-5)
    assert found.recovered == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("key", ["m@1", "m@3", "m@1.mlp_out", "m@0.attn_out"])
def test_zeros_are_ablation_but_for_bos(world, key):
    store = world[2]
    shape = store.activations(key).shape
    found = measure(world, key, lambda a, b: np.zeros((b - a, shape[1]), dtype=np.float32))
    assert not np.allclose(found.zero, found.clean, rtol=1e-3)
    assert not np.allclose(found.zero, found.spliced, rtol=1e-3)


def test_zeroing_the_last_layer_of_a_llama_leaves_no_preference(world):
    """Its norm and head map zero to zero, so every token is as likely as any other."""
    if world[1].config.model_type == "llama":
        found = measure(world, "m@3", lambda a, b: world[2].activations("m@3")[a:b])
        uniform = np.log(world[1].config.vocab_size)
        np.testing.assert_allclose(found.zero, found.predicted * uniform, rtol=1e-5)


def test_noise_costs_something(world):
    store = world[2]
    noise = np.random.default_rng(0).normal(size=store.activations("m@1").shape)
    found = measure(
        world, "m@1", lambda a, b: store.activations("m@1")[a:b] + noise[a:b].astype(np.float32)
    )
    assert found.mean(found.spliced) != pytest.approx(found.mean(found.clean), rel=1e-4)
    share = (found.spliced.sum() - found.clean.sum()) / (found.zero.sum() - found.clean.sum())
    assert found.recovered == pytest.approx(1 - share)


def test_batches_change_nothing(world):
    folder, _, store = world
    (ref,) = resolve_models([str(folder)])
    zeros = np.zeros(store.activations("m@1").shape, dtype=np.float32)
    found = [
        spliced_loss(
            HarvestConfig(layers=("1",), device="cpu", batch_size=n), model=ref, store=store,
            key="m@1", reconstruct=lambda a, b: zeros[a:b], split="heldout", progress=Silent(),
        )
        for n in (1, 4)
    ]  # fmt: skip
    for name in ("clean", "spliced", "zero"):
        one, other = (getattr(f, name) for f in found)
        np.testing.assert_allclose(one, other, rtol=1e-5)
    assert (found[0].replaced == found[1].replaced).all()


def test_rows_that_are_not_chosen_keep_their_activations(world):
    store = world[2]
    zeros = np.zeros(store.activations("m@1").shape, dtype=np.float32)
    odd = store.rows.sequence[:] % 2 == 1
    found = measure(
        world, "m@1", lambda a, b: np.where(odd[a:b, None], zeros[a:b], np.float32(np.nan)),
        choose=lambda a, b: odd[a:b],
    )  # fmt: skip
    whole = measure(world, "m@1", lambda a, b: zeros[a:b])
    is_odd = found.sequence % 2 == 1
    np.testing.assert_allclose(found.spliced[~is_odd], found.clean[~is_odd], rtol=1e-6)
    np.testing.assert_allclose(found.spliced[is_odd], whole.spliced[is_odd], rtol=1e-6)
    assert (found.replaced == np.where(is_odd, whole.replaced, 0)).all()


def test_a_loss_that_is_not_finite_is_told(world):
    store = world[2]
    holes = np.full(store.activations("m@1").shape, np.nan, dtype=np.float32)
    with pytest.raises(NumericalError, match=r"the spliced loss of sequence .* float32"):
        measure(world, "m@1", lambda a, b: holes[a:b])


def test_a_retrained_model_is_refused(world, tmp_path):
    save_model(tmp_path / "m", world[1].config.model_type, seed=1)
    with pytest.raises(RequestError, match="its weights are of revision"):
        measure((tmp_path / "m", *world[1:]), "m@1", lambda a, b: None)


def test_another_model_is_refused(world, tmp_path):
    store = world[2]
    save_model(tmp_path / "other", "gpt2", n_layer=2)
    (ref,) = resolve_models([str(tmp_path / "other")])
    with pytest.raises(RequestError, match="is not the model"):
        spliced_loss(
            CONFIG, model=ref, store=store, key="m@1", reconstruct=lambda a, b: None,
            split="heldout", progress=Silent(),
        )  # fmt: skip


def test_the_type_is_told_before_a_model_is_loaded(tmp_path):
    """On a device that is no CPU, auto is the model's own type; elsewhere no model is needed."""
    model = save_model(tmp_path / "m", "gpt2")
    model.to(torch.bfloat16).save_pretrained(tmp_path / "m")

    def ref():
        return resolve_models([str(tmp_path / "m")])[0]

    def gone():
        raise AssertionError

    def told(model, **settings):
        return spliced_dtype(HarvestConfig(layers=("1",), **settings), model)

    assert told(ref, device="meta") == "bfloat16"
    assert told(gone, device="cpu") == "float32"
    assert told(gone, device="cuda:99", dtype="float16") == "float16"
    with pytest.raises(RequestError, match="cuda:99"):
        told(ref, device="cuda:99")
