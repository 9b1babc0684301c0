"""Notes on sources that are not those that the file names."""

from pathlib import Path

import foreign
import numpy as np
import pytest

from xc.store_schema import CheckpointSource
from xc.train import Crosscoder
from xc.train.formats.kinds import Wishes
from xc.train.formats.mismatch import Said, mismatches
from xc.train.formats.open_reference import open_reference


def source(key: str, model: str, width: int = 6) -> CheckpointSource:
    return CheckpointSource(key, model, None, 6, "residual", width)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (Said("gpt2", "6"), source("gpt2@6", "gpt2")),
        (Said("gpt2", "blocks.6.hook_resid_pre"), source("gpt2@6", "openai-community/GPT2")),
        (Said("gpt2-small", None), source("gpt2@6", "gpt2@abc")),
        (Said(None, None), source("gpt2@6", "gpt2")),
        (Said("google/gemma-2-2b", "transformer.wte"), source("gemma-2-2b@6", "gemma-2-2b")),
    ],
)
def test_other_spellings_are_the_same(said: Said, found: CheckpointSource) -> None:
    assert mismatches([said], [found]) == ()


def test_another_model_and_another_site_are_named() -> None:
    notes = mismatches(
        [Said("gemma-2-2b", "6"), Said("gpt2", "blocks.7.hook_resid_pre")],
        [source("gpt2@6", "gpt2"), source("gpt2@6", "gpt2")],
    )
    assert notes[0].startswith(
        "source 1: gpt2@6 is of gpt2; the file names google/gemma-2-2b; is it the one"
    )
    assert "source 2: gpt2@6 is another site than the file's, blocks.7.hook_resid_pre" in notes[1]


def test_one_of_ours_for_another_store(tmp_path: Path) -> None:
    cc = Crosscoder([source("tuned@6", "tuned")], 8, activation_fn={"name": "relu"})
    cc.save_pretrained(tmp_path / "out")
    look_up = {"base@6": source("base@6", "base"), "tuned@6": source("tuned@6", "tuned")}
    for key, notes in (("tuned@6", 0), ("base@6", 1)):
        found = open_reference(
            str(tmp_path / "out"), Wishes(sources=(key,)), source_of=lambda k, _: look_up[k]
        )
        assert len(found.notes) == notes


def test_an_sae_for_another_model(tmp_path: Path) -> None:
    foreign.save_tensors(tmp_path / "sae_weights.safetensors", foreign.single())
    about = {
        "architecture": "standard",
        "model_name": "gpt2",
        "hook_name": "blocks.3.hook_resid_pre",
    }
    foreign.save_json(tmp_path / "cfg.json", about)
    width = len(foreign.rows(6)[0][0])
    assert width == np.shape(foreign.single()["W_enc"])[0]
    found = open_reference(
        str(tmp_path), Wishes(sources=("pythia@3",), centre_rows=False),
        source_of=lambda key, _: source(key, "EleutherAI/pythia-70m", width),
    )  # fmt: skip
    said = "pythia@3 is of EleutherAI/pythia-70m; the file names gpt2"
    assert any(said in note for note in found.notes)
