"""Crosscoders for others: model card, folders, other layouts, and the Hub out of reach."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from huggingface_hub import constants
from training import make_crosscoder

from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    CheckpointSource,
    RequestError,
    RunLayout,
    Silent,
    XcError,
    to_mapping,
)
from xc.train import Crosscoder, TrainConfig
from xc.train.model_card import model_card
from xc.train.partition import plan_partition
from xc.train.publishing import WRITTEN, export, push


@pytest.fixture
def evaluated(planted_run: RunLayout, planted_store: ActivationStore) -> RunLayout:
    settings = EvaluateConfig(bootstrap=20, examples=1, latents_per_class=1, report=False)
    evaluate(settings, run=planted_run, store=planted_store, progress=Silent())
    return planted_run


def front_matter(card: str) -> dict[str, object]:
    head, _, _ = card.removeprefix("---\n").partition("---\n")
    values = yaml.safe_load(head)
    assert isinstance(values, dict)
    return values


def test_the_card_states_sources_data_metrics_and_loading(
    evaluated: RunLayout, tmp_path: Path
) -> None:
    card = (export(evaluated, layout="xc", out=tmp_path / "out") / "README.md").read_text()
    assert front_matter(card)["base_model"] == ["alpha", "beta"]
    summary = json.loads(evaluated.summary.read_text())
    for said in (
        "| `alpha@1` | alpha | not known | 1 | residual | 16 |",
        "text: planted; 384 held-out rows",
        f"(`fve_a`) | {summary['fve_a']:.4g} |",
        f"(`l0`) | {summary['l0']:.4g} | {summary['l0_ci'][0]:.4g} to",
        "Crosscoder.from_pretrained(",
    ):
        assert said in card
    assert str(tmp_path) not in card


def test_a_card_without_a_run_says_what_the_checkpoint_knows(planted_run: RunLayout) -> None:
    card = model_card(Checkpoint.load(planted_run.root))
    assert "## Metrics" not in card
    assert "batch_topk" in card


def test_only_what_can_be_an_id_on_the_hub_is_a_base_model(planted_run: RunLayout) -> None:
    checkpoint = Checkpoint.load(planted_run.root)
    a, b = checkpoint.sources
    named = replace(
        checkpoint, sources=(replace(a, model="zoo:base"), replace(b, model="owner/model"))
    )
    assert front_matter(model_card(named))["base_model"] == ["owner/model"]
    named = replace(checkpoint, sources=(replace(a, model="a - b"), replace(b, model="zoo:base")))
    assert "base_model" not in front_matter(model_card(named))


def _settings_said(run: RunLayout, **values: Any) -> str:
    """The card's line on training, of a run with such a configuration."""
    config = {"store": "acts.zarr", "train": to_mapping(TrainConfig.resolve(values))}
    run.config.write_text(yaml.safe_dump(config))
    (line,) = re.findall("^- training: (.*)$", model_card(Checkpoint.load(run.root), run), re.M)
    return str(line)


def test_a_card_tells_the_settings_that_play_a_part(planted_run: RunLayout) -> None:
    run = planted_run
    l1 = _settings_said(run, sparsity="l1", code_norm="sae", source_weights=(1.0, 0.5))
    assert "sparsity l1, code_norm sae, l1_coeff 2.0" in l1
    assert "source_weights 1.0,0.5" in l1
    assert " k " not in l1
    topk = _settings_said(run, sparsity="topk", k=7, matryoshka=(4, 8))
    assert "k 7" in topk
    assert "matryoshka 4,8, matryoshka_reduction mean" in topk
    assert "l1_coeff" not in topk
    parts = _settings_said(run, preset="dfc", shared_fraction=0.1)
    assert "shared_fraction 0.1, exclusive 0.05,0.05" in parts
    assert "seed 42" in parts
    run.config.write_text("train: {sparsity: l1, k: 3, of_the_future: 1}\n")
    assert "k 3" in model_card(Checkpoint.load(run.root), run)


def _card_of(*keys: str, site: str = "residual", **values: Any) -> str:
    sources = [CheckpointSource(k, k.partition("@")[0], None, -1, site, 6) for k in keys]
    cc = Crosscoder(sources, 8, activation_fn={"name": "relu"}, **values)
    return model_card(cc.to_checkpoint())


def test_a_card_says_what_one_source_is() -> None:
    plain = _card_of("gpt2@6")
    assert "# Sparse autoencoder of gpt2@6\n" in plain
    assert "the activations of one language model at one site." in plain
    difference = _card_of("gpt2@6 - tuned@6", site="difference")
    assert "# Sparse autoencoder of the difference of gpt2@6 and tuned@6\n" in difference
    assert "`gpt2@6` minus `tuned@6`" in difference
    assert "| – | difference |" in difference
    beside = _card_of("gpt2@6 + tuned@6 + more@2", site="concatenation")
    assert "autoencoder of gpt2@6, tuned@6 and more@2 side by side\n" in beside
    assert "crosscoder of" not in (plain + difference + beside).lower()


def test_a_card_counts_the_groups_of_latents() -> None:
    groups = plan_partition(
        d_sae=8, widths=[6, 6], shared_fraction=0.25, shared_penalty=0.15, exclusive=(0.25, 0.125)
    )
    card = _card_of("a@1", "b@1", partition=groups)
    assert "# Crosscoder of a@1 and b@1\n" in card
    assert "2 shared, 2 exclusive to a@1, 1 exclusive to b@1, 3 plain." in card


def test_saved_and_loaded(evaluated: RunLayout, tmp_path: Path) -> None:
    cc = Crosscoder.from_pretrained(evaluated.root)
    folder = cc.save_pretrained(tmp_path / "out", run=evaluated.root)
    assert {p.name for p in folder.iterdir()} == {
        "README.md", "config.json", "crosscoder.safetensors",
    }  # fmt: skip
    assert "## Metrics" in (folder / "README.md").read_text()
    again = Crosscoder.from_pretrained(folder)
    xs = [np.ones((3, 16), np.float32)] * 2
    np.testing.assert_array_equal(again.encode(xs).numpy(), cc.encode(xs).numpy())
    cc.save_pretrained(folder)  # an older one of this kind is replaced


def test_a_folder_of_somebody_else_stays(planted_run: RunLayout, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for layout in WRITTEN:
        with pytest.raises(RequestError, match=r"is no export; choose another folder"):
            export(planted_run, layout=layout, out=tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    with pytest.raises(RequestError, match="is a file"):
        make_crosscoder().save_pretrained(tmp_path / "thesis.tex")


def test_layouts_by_name(planted_run: RunLayout, tmp_path: Path) -> None:
    out = export(planted_run, layout="jkminder", out=tmp_path / "out")
    assert {p.name for p in out.iterdir()} == {"config.json", "model_final.pt"}
    with pytest.raises(RequestError, match="no format 'saelens' to write; known: becker"):
        export(planted_run, layout="saelens", out=tmp_path / "other")
    with pytest.raises(RequestError, match="batch_topk; export as jkminder or xc"):
        export(planted_run, layout="kissane", out=tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["relu", "batch_topk"])
def test_exported_and_loaded_by_reference(name: str, tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    cc = make_crosscoder((6, 6), name=name, scale=(0.4, 2.0), mean=[np.ones(6), -np.ones(6)])
    cc.to_checkpoint().save(run.checkpoint)
    xs = [np.random.default_rng(i).normal(size=(30, 6)).astype(np.float32) for i in range(2)]
    f = cc.encode(xs).detach().numpy()
    for layout in WRITTEN:
        if name == "relu" or layout in ("xc", "jkminder"):
            out = export(run, layout=layout, out=tmp_path / layout)
            found = Crosscoder.from_pretrained(out)
            np.testing.assert_allclose(found.encode(xs).numpy(), f, rtol=1e-4, atol=1e-4)
            assert [s.key for s in found.sources] == ["m0@1", "m1@1"]


def test_the_hub_out_of_reach_is_one_line(
    planted_run: RunLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    cc = Crosscoder.from_pretrained(planted_run.root)
    with pytest.raises(XcError, match="could not be pushed to the Hugging Face Hub") as caught:
        cc.push_to_hub("somebody/crosscoder")
    assert "\n" not in str(caught.value)
    with pytest.raises(RequestError, match="expected OWNER/NAME"):
        push(tmp_path, "not a name")
