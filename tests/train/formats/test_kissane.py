"""Kissane's layout, and Becker's of one width: read against the peers' formulas, and written."""

from dataclasses import replace
from pathlib import Path

import foreign
import numpy as np
import pytest
import torch

from xc.store_schema import RequestError, SchemaError
from xc.train.formats import kissane
from xc.train.formats.kinds import Parts, Wishes
from xc.train.formats.open_reference import open_reference

SCALE = (0.3, 0.25)
CFG = {
    "seed": 49,
    "batch_size": 4096,
    "d_in": 6,
    "dict_size": 20,
    "enc_dtype": "fp32",
    "model_name": "gemma-2-2b",
    "site": "resid_pre",
    "device": "cuda:0",
    "hook_point": "blocks.14.hook_resid_pre",
    "dec_init_norm": 0.08,
}


@pytest.fixture
def hub_layout(tmp_path: Path) -> Path:
    folder = tmp_path / "repo" / "blocks.14.hook_resid_pre"
    foreign.save_pt(folder / "cc_weights.pt", foreign.joint())
    foreign.save_json(folder / "cfg.json", CFG)
    return tmp_path / "repo"


def test_latents_and_reconstructions_are_those_of_the_peer(hub_layout: Path) -> None:
    checkpoint = open_reference(str(hub_layout), Wishes(scale=SCALE)).checkpoint
    xs = foreign.rows(6, 6)
    f, xhat = foreign.joint_forward(
        foreign.joint(), np.stack([x * c for x, c in zip(xs, SCALE, strict=True)], axis=1)
    )
    np.testing.assert_allclose(checkpoint.encode(xs), f, rtol=1e-4, atol=1e-4)
    for m, decoded in enumerate(checkpoint.decode(f.astype(np.float32))):
        np.testing.assert_allclose(decoded, xhat[:, m], rtol=1e-4, atol=1e-4)


def test_models_site_and_layer_are_carried_over(hub_layout: Path) -> None:
    found = open_reference(str(hub_layout), Wishes(scale=SCALE))
    assert found.format == "kissane"
    a, b = found.checkpoint.sources
    assert (a.key, b.key) == ("google--gemma-2-2b@14", "google--gemma-2-2b-it@14")
    assert (a.model, a.layer, a.site, a.d_model) == ("google/gemma-2-2b", 14, "residual", 6)
    assert found.checkpoint.scale == SCALE
    assert found.checkpoint.centre_rows == (False, False)  # Gemma has no LayerNorm


def test_a_normaliser_that_is_nowhere_is_asked_for(hub_layout: Path) -> None:
    with pytest.raises(RequestError, match="does not hold; give --scale C_A,C_B"):
        open_reference(str(hub_layout))
    with pytest.raises(RequestError, match="holds 2 sources; --scale has 1 numbers"):
        open_reference(str(hub_layout), Wishes(scale=(1.0,)))


def copy_of_the_published(where: str, **changes: object) -> Parts:
    """Its shapes and configuration, without its numbers."""
    tensors = {"W_enc": np.broadcast_to(np.float32(0), (2, 2304, 16384))}
    return Parts(where, where, tensors, {"cfg.json": {**CFG, "d_in": 2304, **changes}})


def test_a_copy_of_the_published_one_has_known_factors() -> None:
    where = "mine/crosscoder-gemma-2-2b-model-diff/blocks.14.hook_resid_pre/cc_weights.pt"
    found = kissane.normaliser(copy_of_the_published(where), 2)
    assert found["scale"] == (0.2758961493232058, 0.24422852496546169)
    assert kissane.normaliser(copy_of_the_published(where, model_name="gpt2"), 2)["scale"] is None
    elsewhere = where.replace("crosscoder-gemma-2-2b-model-diff", "my-crosscoder")
    assert kissane.normaliser(copy_of_the_published(elsewhere), 2)["scale"] is None
    longer = where.replace("model-diff/", "model-diff-retrained/")
    assert kissane.normaliser(copy_of_the_published(longer), 2)["scale"] is None


def test_the_name_of_the_published_one_does_not_make_another_it(hub_layout: Path) -> None:
    """A retrained crosscoder in a folder, or a fork, of that name has factors of its own."""
    namesake = hub_layout.with_name("crosscoder-gemma-2-2b-model-diff")
    hub_layout.rename(namesake)
    with pytest.raises(RequestError, match="does not hold; give --scale C_A,C_B"):
        open_reference(str(namesake))


def test_of_a_training_run_the_last_save_is_taken(tmp_path: Path) -> None:
    for k in (0, 2, 10):
        tensors = foreign.joint(seed=k)
        foreign.save_pt(tmp_path / "version_3" / f"{k}.pt", tensors)
        foreign.save_json(tmp_path / "version_3" / f"{k}_cfg.json", CFG)
    found = open_reference(str(tmp_path), Wishes(scale=SCALE))
    assert found.origin["file"] == "version_3/10.pt"
    np.testing.assert_array_equal(found.checkpoint.b_enc, foreign.joint(seed=10)["b_enc"])
    first = open_reference(str(tmp_path), Wishes(scale=SCALE), file="version_3/0.pt")
    np.testing.assert_array_equal(first.checkpoint.b_enc, foreign.joint(seed=0)["b_enc"])


def test_several_runs_are_a_question(tmp_path: Path) -> None:
    for version in (0, 1):
        foreign.save_pt(tmp_path / f"version_{version}" / "0.pt", foreign.joint())
    with pytest.raises(RequestError, match=r"2 files of weights; give one .* version_1/0\.pt"):
        open_reference(str(tmp_path), Wishes(scale=SCALE))


def test_one_model_twice_under_its_nickname(tmp_path: Path) -> None:
    foreign.save_pt(tmp_path / "0.pt", foreign.joint())
    cfg = {
        **CFG,
        "model_name": "gpt2-137m",
        "method": "same",
        "hook_point": "blocks.5.hook_resid_pre",
    }
    foreign.save_json(tmp_path / "0_cfg.json", cfg)
    found = open_reference(str(tmp_path / "0.pt"), Wishes(scale=SCALE))
    assert [s.key for s in found.checkpoint.sources] == ["gpt2@5", "gpt2@5"]
    assert found.checkpoint.centre_rows == (True, True)
    assert "each row's mean is subtracted" in found.notes[0]


def test_forks_with_a_threshold_are_batch_topk(tmp_path: Path) -> None:
    more = {"threshold": np.float32(2.5), "k": np.int32(7)}
    foreign.save_pt(tmp_path / "cc_weights.pt", {**foreign.joint(), **more})
    foreign.save_json(tmp_path / "cfg.json", CFG)
    checkpoint = open_reference(str(tmp_path), Wishes(scale=(1.0, 1.0))).checkpoint
    assert checkpoint.activation_fn == {"name": "batch_topk", "k": 7}
    assert checkpoint.threshold == 2.5


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("W_dec", np.zeros((20, 2, 5), np.float32), r"W_dec should have shape \[20, 2, 6\]"),
        ("b_enc", np.full(20, np.nan, np.float32), "b_enc holds NaN or infinite"),
        ("b_dec", np.zeros((6, 2), np.float32), r"b_dec should have shape \[2, 6\], has \[6, 2\]"),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    tmp_path: Path, name: str, tensor: np.ndarray, message: str
) -> None:
    foreign.save_pt(tmp_path / "cc_weights.pt", {**foreign.joint(), name: tensor})
    with pytest.raises(SchemaError, match=message):
        open_reference(str(tmp_path), Wishes(scale=SCALE, sources=("a@1", "b@1")))


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    tensors = foreign.joint()
    del tensors["b_enc"]
    foreign.save_pt(tmp_path / "cc_weights.pt", tensors)
    with pytest.raises(SchemaError, match="lacks the tensor b_enc; found W_dec, W_enc, b_dec"):
        open_reference(str(tmp_path), Wishes(scale=SCALE, sources=("a@1", "b@1")))


def test_written_and_read_back_it_is_the_same_crosscoder(hub_layout: Path, tmp_path: Path) -> None:
    read = open_reference(str(hub_layout), Wishes(scale=SCALE)).checkpoint
    rng = np.random.default_rng(3)
    centred = replace(read, mean=tuple(rng.normal(size=6) for _ in range(2)))
    out = tmp_path / "out"
    out.mkdir()
    kissane.write(centred, out)
    back = open_reference(str(out)).checkpoint
    assert back.sources == centred.sources
    assert back.scale == pytest.approx(SCALE)
    xs = foreign.rows(6, 6)
    np.testing.assert_allclose(back.encode(xs), centred.encode(xs), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(back.decoder_norms(), centred.decoder_norms(), rtol=1e-5)


def test_what_is_written_takes_raw_activations_as_the_peer_computes(
    hub_layout: Path, tmp_path: Path
) -> None:
    read = open_reference(str(hub_layout), Wishes(scale=SCALE)).checkpoint
    out = tmp_path / "out"
    out.mkdir()
    kissane.write(read, out)
    tensors = {
        n: t.numpy() for n, t in torch.load(out / "cc_weights.pt", weights_only=True).items()
    }
    assert {n: t.shape for n, t in tensors.items()} == {
        n: t.shape for n, t in foreign.joint().items()
    }
    xs = foreign.rows(6, 6)
    f, xhat = foreign.joint_forward(tensors, np.stack(xs, axis=1))
    np.testing.assert_allclose(f, read.encode(xs), rtol=1e-4, atol=1e-4)
    for m, decoded in enumerate(read.decode(f.astype(np.float32))):
        np.testing.assert_allclose(xhat[:, m], decoded / SCALE[m], rtol=1e-4, atol=1e-4)


def test_what_the_layout_has_no_place_for_is_refused(hub_layout: Path, tmp_path: Path) -> None:
    read = open_reference(str(hub_layout), Wishes(scale=SCALE)).checkpoint
    topk = replace(read, activation_fn={"name": "topk", "k": 3})
    with pytest.raises(
        RequestError, match="for ReLU alone, and the crosscoder has topk; export as xc"
    ):
        kissane.write(topk, tmp_path)
    foreign.save_pt(tmp_path / "multi" / "0.pt", foreign.apart())
    unequal = open_reference(
        str(tmp_path / "multi"), Wishes(scale=SCALE, sources=("a@1", "b@1"))
    ).checkpoint
    with pytest.raises(RequestError, match=r"widths \[4, 6\]; export as becker"):
        kissane.write(unequal, tmp_path)
