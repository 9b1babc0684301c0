"""Small corpora and models for the zoo's tests."""

import numpy as np
import pytest
from transformers import GPT2LMHeadModel

from xc.zoo.language_model import new_model
from xc.zoo.recipe import Recipe
from xc.zoo.windows import TokenizedCorpus

VOCAB_SIZE = 64
LENGTH = 16


@pytest.fixture
def corpus() -> TokenizedCorpus:
    """Counting documents: token n is followed by n + 1, so that a few steps teach something."""
    sizes = (3, 16, 17, 40, 100, 1, 200)
    starts = (6, 10, 20, 30, 40, 50, 60)
    documents = [
        np.append(6 + (start + np.arange(size - 1)) % (VOCAB_SIZE - 6), 1)
        for start, size in zip(starts, sizes, strict=True)
    ]
    return TokenizedCorpus(
        tuple(np.asarray(d, dtype=np.int64) for d in documents), n_bytes=1000, bos_id=0, pad_id=2
    )


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(tokens=40 * 4 * LENGTH, batch_size=4, length=LENGTH, learning_rate=1e-2, seed=3)


def tiny_model(*, seed: int, n_layers: int = 2) -> GPT2LMHeadModel:
    return new_model(
        vocab_size=VOCAB_SIZE, context=LENGTH, n_layers=n_layers, d_model=16, n_heads=2, seed=seed
    )


@pytest.fixture
def teacher() -> GPT2LMHeadModel:
    return tiny_model(seed=5, n_layers=4)


@pytest.fixture
def untrained() -> GPT2LMHeadModel:
    return tiny_model(seed=3)
