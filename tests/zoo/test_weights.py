"""The weights that ship: they load, they are what their cards say, and they are language models."""

import json
import platform
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from xc.store_schema.errors import RequestError
from xc.zoo import MODELS, fingerprint, model, model_folder, read_card
from xc.zoo.corpora import documents
from xc.zoo.language_model import load_model
from xc.zoo.ngrams import Bigram
from xc.zoo.score import SAMPLE_STRIDE, heldout_windows, mean_loss
from xc.zoo.tokens import load_bpe
from xc.zoo.windows import tokenize

NAMES = [entry.name for entry in MODELS]


@pytest.fixture(scope="module")
def measured() -> dict[str, float]:
    """Held-out loss of every model on the sample of the text of the running Python."""
    losses = {}
    for name in NAMES:
        folder = model_folder(name)
        _, windows = heldout_windows(folder)
        losses[name] = mean_loss(load_model(folder), windows[::SAMPLE_STRIDE])
    return losses


@pytest.fixture(scope="module")
def bigram() -> float:
    folder = model_folder("base")
    training = tokenize(documents("stdlib-train"), load_bpe(folder))
    return Bigram.fit(training, vocab_size=4096).cross_entropy(heldout_windows(folder)[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_heldout_loss_is_what_the_card_says(name: str, measured: dict[str, float]) -> None:
    card = read_card(model_folder(name))["heldout"]
    same_text = card["corpus_fingerprint"] == fingerprint("stdlib-heldout")
    assert measured[name] == pytest.approx(card["loss_sample"], abs=0.02 if same_text else 0.15)
    assert card["loss"] == pytest.approx(card["loss_sample"], abs=0.15)


@pytest.mark.slow
def test_the_student_lies_between_its_teacher_and_a_bigram_model(
    measured: dict[str, float], bigram: float
) -> None:
    assert measured["base"] + 0.02 < measured["distilled"] < bigram - 0.5


@pytest.mark.parametrize("name", NAMES)
def test_cards_and_configs_name_no_machine(name: str) -> None:
    for path in model_folder(name).glob("*.json"):
        if path.name != "tokenizer.json":
            text = path.read_text(encoding="utf-8")
            assert "_name_or_path" not in text
            assert not {"/root", "/home", "/work", "/tmp", platform.node()} & set(text.split('"'))
            assert str(Path.home()) not in text


@pytest.mark.parametrize("entry", MODELS, ids=NAMES)
def test_the_table_agrees_with_the_folders(entry) -> None:
    folder = model_folder(f"zoo:{entry.name}")
    assert folder == model_folder(entry.name)
    assert {p.name for p in folder.iterdir()} == {
        "card.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert f"{config['n_layer']} layers of width {config['n_embd']}" in entry.description
    assert entry.parent is None or model(entry.parent)


def test_every_folder_of_weights_is_in_the_table() -> None:
    folders = (model_folder("base").parent).iterdir()
    assert sorted(folder.name for folder in folders) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_small_and_finite(name: str) -> None:
    path = model_folder(name) / "model.safetensors"
    assert path.stat().st_size < 5_000_000
    with safe_open(path, "pt") as weights:
        for key in weights.keys():  # noqa: SIM118  (safe_open is no mapping)
            assert torch.isfinite(weights.get_tensor(key)).all(), key


@pytest.mark.parametrize("name", NAMES)
def test_middle_residual_streams_are_alive(name: str) -> None:
    folder = model_folder(name)
    lm = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = AutoTokenizer.from_pretrained(folder)(
        "<|bos|>def parse(text):\n    return [int(word) for word in text.split()]\n",
        return_tensors="pt",
    ).input_ids
    with torch.inference_mode():
        states = lm(ids, output_hidden_states=True).hidden_states
    middle = states[lm.config.n_layer // 2][0, 1:]
    norms = middle.norm(dim=-1)
    assert torch.isfinite(middle).all()
    assert 0.5 < norms.min() < norms.max() < 20 * norms.min()
    singular = torch.linalg.svdvals(middle - middle.mean(0))
    assert singular[5] > 0.05 * singular[0]


def test_base_continues_python_as_python() -> None:
    folder = model_folder("base")
    tokenizer, lm = AutoTokenizer.from_pretrained(folder), load_model(folder).eval()

    def next_token(text: str) -> str:
        ids = tokenizer(f"<|bos|>{text}", return_tensors="pt").input_ids
        with torch.inference_mode():
            return tokenizer.decode(lm(ids).logits[0, -1].argmax())

    assert next_token("class Thing:\n    def __init__(") == "self"
    assert next_token("for i in range") == "("
    assert next_token("from collections import namedtuple, Ordered") == "Dict"


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(RequestError, match="zoo:base, zoo:distilled"):
        model_folder("zoo:gpt5")
