"""The README quotes the cards."""

from pathlib import Path

import pytest

from xc.zoo import MODELS, model_folder, read_card

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [m.name for m in MODELS])
def test_losses_are_those_of_the_card(name):
    row = next(line for line in README.splitlines() if line.startswith(f"| `zoo:{name}` |"))
    heldout = read_card(model_folder(name))["heldout"]
    assert row.endswith(f"| {heldout['loss']:.2f} | {heldout['bits_per_byte']:.2f} |")


@pytest.mark.parametrize("model", ["bigram", "unigram"])
def test_yardsticks_are_those_of_the_card(model):
    row = next(line for line in README.splitlines() if line.startswith(f"| {model} model |"))
    loss = read_card(model_folder("base"))["heldout"][model]
    assert f"| {loss:.2f} |" in row
