"""A model against itself, on every real model: what docs/nulls.md says of the committed results."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODELS: dict[str, Any] = json.loads(
    (ROOT / "benchmarks" / "results" / "identical.json").read_text(encoding="utf-8")
)["models"]
COPIED = "BatchTopK, A's weights for both"
MADE = [(model, variant) for model, variants in MODELS.items() for variant in variants]


def test_there_are_models_of_others_beside_the_embedded_one() -> None:
    assert len(MODELS) == 3
    assert "base" in MODELS


@pytest.mark.parametrize("model", MODELS)
def test_identical_decoders_are_told_exactly(model: str) -> None:
    of = MODELS[model][COPIED]
    assert of["sharedness"] == of["alignment"] == of["alignment_all"] == 1
    assert of["delta_norm_min"] == of["delta_norm_max"] == 0.5
    assert of["n_a_only"] == of["n_b_only"] == of["n_other"] == 0 < of["n_shared"]


@pytest.mark.parametrize(("model", "variant"), MADE)
def test_what_is_trained_is_shared(model: str, variant: str) -> None:
    of = MODELS[model][variant]
    assert of["sharedness"] >= 0.999
    assert of["n_a_only"] == of["n_b_only"] == 0
