"""Somebody's crosscoder as a run: encoded on a store, evaluated, repeated, refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import foreign
import numpy as np
import planted
import pytest
import yaml

from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    LatentTable,
    RequestError,
    RunLayout,
    SchemaError,
    Silent,
)
from xc.store_schema.verify import verify_run
from xc.train.formats.kinds import Wishes
from xc.train.importing import ImportReport, import_run
from xc.train.measured_scale import measured_scales

KEYS = Wishes(sources=planted.KEYS)
SETTINGS = EvaluateConfig(bootstrap=10, examples=2, latents_per_class=2, report=True)


@pytest.fixture
def becker(tmp_path: Path) -> Path:
    """A crosscoder of two 16-wide sources."""
    folder = tmp_path / "theirs"
    foreign.save_pt(folder / "0.pt", foreign.apart((16, 16), d_sae=24))
    return folder


def make(
    becker: Path, run: RunLayout, store: ActivationStore | None, wishes: Wishes | None = None
) -> ImportReport:
    wishes = replace(wishes or Wishes(scale=(0.5, 0.25)), sources=planted.KEYS)
    return import_run(str(becker), wishes, run=run, progress=Silent(), store=store, device="cpu")


def test_evaluated_like_a_run_that_was_trained_here(
    becker: Path, planted_store: ActivationStore, run: RunLayout
) -> None:
    report = make(becker, run, planted_store, Wishes(scale=(0.5, 0.25), centre_rows=True))
    assert report.encoded
    assert verify_run(run.root, store=planted_store) == []
    done = evaluate(SETTINGS, run=run, store=planted_store, progress=Silent())
    start, stop = planted_store.splits["heldout"][0]
    x = [planted_store.activations(k)[start:stop] for k in planted.KEYS]
    x = [
        (rows - rows.mean(axis=1, keepdims=True)) * c
        for rows, c in zip(x, (0.5, 0.25), strict=True)
    ]
    f, xhat = foreign.apart_forward(foreign.apart((16, 16), d_sae=24), x)
    assert done.summary["l0"] == pytest.approx(np.count_nonzero(f, axis=1).mean(), rel=1e-3)
    for m, letter in enumerate("ab"):
        error = np.square(x[m] - xhat[m]).sum(axis=1).mean()
        assert done.summary[f"mse_{letter}"] == pytest.approx(error, rel=1e-3)
    assert run.report.is_file()


def test_the_table_holds_their_latents(
    becker: Path, planted_store: ActivationStore, run: RunLayout
) -> None:
    make(becker, run, planted_store)
    start, stop = planted_store.splits["heldout"][0]
    x = [
        planted_store.activations(k)[start:stop] * c
        for k, c in zip(planted.KEYS, (0.5, 0.25), strict=True)
    ]
    f, _ = foreign.apart_forward(foreign.apart((16, 16), d_sae=24), x)
    table = LatentTable.open(run.latents)
    indptr, latent, activation = table.csr(start, stop)
    dense = np.zeros_like(f)
    dense[np.repeat(np.arange(len(f)), np.diff(indptr)), latent] = activation
    np.testing.assert_allclose(dense, f, rtol=1e-4, atol=1e-4)


def test_without_a_store_first_and_with_it_later(
    becker: Path, planted_store: ActivationStore, run: RunLayout
) -> None:
    first = make(becker, run, None)
    assert not first.encoded
    assert not run.latents.exists()
    assert Checkpoint.load(run.root).sources[0].layer == 1
    again = make(becker, run, planted_store)
    assert again.encoded
    config = yaml.safe_load(run.config.read_text())
    assert config["store"] == str(planted_store.path)
    assert config["import"]["file"] == "0.pt"
    assert config["import"]["format"] == "becker"
    before = run.config.read_text(), sorted(p.stat().st_mtime_ns for p in run.latents.iterdir())
    make(becker, run, planted_store)
    assert before == (
        run.config.read_text(),
        sorted(p.stat().st_mtime_ns for p in run.latents.iterdir()),
    )


def test_what_a_killed_import_left_is_no_run(becker: Path, run: RunLayout) -> None:
    run.root.mkdir()
    (run.root / ".config.yaml.1.2.partial").write_text("st")
    make(becker, run, None)
    run.config.write_text(run.config.read_text())
    assert Checkpoint.load(run.root).n_sources == 2


def test_a_damaged_checkpoint_is_written_again_by_the_same_import(
    becker: Path, planted_store: ActivationStore, run: RunLayout, tmp_path: Path
) -> None:
    make(becker, run, planted_store)
    tensors = run.checkpoint / "crosscoder.safetensors"
    whole = tensors.read_bytes()
    for damage in (
        lambda: tensors.write_bytes(whole[:-9]),
        (run.checkpoint / "config.json").unlink,
    ):
        damage()
        with pytest.raises(SchemaError, match="the same `xc import` writes it again"):
            Checkpoint.load(run.checkpoint)
        make(becker, run, planted_store)
        assert tensors.read_bytes() == whole
    tensors.write_bytes(b"")
    other = Path(shutil.copytree(becker, tmp_path / "other"))
    with pytest.raises(RequestError, match="choose another --out"):
        make(other, run, planted_store)


def test_another_crosscoder_does_not_take_the_folder(becker: Path, run: RunLayout) -> None:
    make(becker, run, None)
    with pytest.raises(RequestError, match="holds another run, or none; choose another --out"):
        make(becker, run, None, Wishes(scale=(1.0, 1.0)))
    run.root.joinpath("config.yaml").write_text("train: {}\n")
    with pytest.raises(RequestError, match="choose another --out"):
        make(becker, run, None)


def test_sources_that_the_store_lacks_or_has_in_another_width(
    becker: Path, planted_store: ActivationStore, run: RunLayout
) -> None:
    wishes = Wishes(sources=("gpt2@1", "beta@2"), scale=(1.0, 1.0))
    with pytest.raises(RequestError, match="gpt2@1"):
        import_run(str(becker), wishes, run=run, progress=Silent(), store=planted_store)
    foreign.save_pt(becker / "0.pt", foreign.apart((16, 8), d_sae=24))
    with pytest.raises(RequestError, match="beta@2 has width 16, the crosscoder 8"):
        make(becker, run, planted_store)
    assert not run.root.exists()


@pytest.mark.parametrize("centre", [False, True])
def test_the_scale_of_the_store(
    becker: Path, planted_store: ActivationStore, run: RunLayout, *, centre: bool
) -> None:
    wishes = Wishes(sources=planted.KEYS, centre_rows=centre)
    report = import_run(
        str(becker), wishes, run=run, progress=Silent(), store=planted_store, scale_of_store=True
    )
    start, stop = planted_store.splits["train"][0]
    for key, found in zip(planted.KEYS, report.checkpoint.scale, strict=True):
        x = planted_store.activations(key)[start:stop].astype(np.float64)
        x -= x.mean(axis=1, keepdims=True) * centre
        assert found == pytest.approx(4 / np.linalg.norm(x, axis=1).mean())
    assert "scale taken from the store" in report.notes[0]
    flags = (centre, centre)
    assert measured_scales(planted_store, planted.KEYS, flags) == report.checkpoint.scale


def test_the_scale_of_no_store(becker: Path, run: RunLayout) -> None:
    with pytest.raises(RequestError, match="the scale is to be the store's; give --store"):
        import_run(str(becker), KEYS, run=run, progress=Silent(), scale_of_store=True)


def test_ours_on_another_store(
    planted_run: RunLayout, tmp_path: Path, truth: planted.Truth
) -> None:
    other = planted.write_store(
        tmp_path / "other.zarr", truth, planted.make_plan(seed=5), noise=0.1
    )
    run = RunLayout(tmp_path / "imported")
    report = import_run(
        str(planted_run.checkpoint), Wishes(), run=run, progress=Silent(), store=other
    )
    assert report.format == "xc"
    assert "trained on another store" in report.notes[0]
    done = evaluate(replace(SETTINGS, report=False), run=run, store=other, progress=Silent())
    assert done.summary["fve"] > 0.8


def test_an_sae_of_saelens_is_evaluated_with_one_source(
    planted_store: ActivationStore, tmp_path: Path, run: RunLayout
) -> None:
    folder = tmp_path / "sae"
    foreign.save_tensors(folder / "sae_weights.safetensors", foreign.single(16, 24))
    cfg = {
        "architecture": "topk",
        "k": 4,
        "model_name": "alpha",
        "hook_name": "blocks.1.hook_resid_pre",
    }
    foreign.save_json(folder / "cfg.json", {**cfg, "model_class_name": "AutoModelForCausalLM"})
    import_run(str(folder), Wishes(), run=run, progress=Silent(), store=planted_store)
    done = evaluate(SETTINGS, run=run, store=planted_store, progress=Silent())
    assert done.summary["l0"] <= 4
    assert "fve_a" in done.summary
