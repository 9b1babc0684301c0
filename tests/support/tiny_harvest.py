"""A corpus and tiny models on disk, for harvests that take no time."""

import random
from pathlib import Path
from typing import Any

import hub_cache
import tiny_models

from xc.harvest import Corpus, HarvestConfig, HarvestReport, harvest, resolve_models
from xc.store_schema import Silent

WORDS = ("alpha", "beta", "gamma", "delta", "naïve", "東京", "<|endoftext|>")
SMALL = {"tokens": 700, "seq_len": 24, "batch_size": 3, "shard_rows": 128, "chunk_rows": 32}


def make_texts(n: int = 60, *, seed: int = 0) -> list[str]:
    """Documents of very different lengths; some are empty, some name a special token."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(0, 40))) for _ in range(n)]


def corpus_of(texts: list[str], *, name: str = "words") -> Corpus:
    """A corpus in memory."""
    return Corpus(name, f"test:{hash(tuple(texts))}", lambda: iter(texts))


def save_model(folder: Path, model_type: str, *, seed: int = 0, **changes: Any) -> Any:
    """A tiny model with a byte-level tokenizer beside it; returns the model."""
    tokenizer = hub_cache.make_tokenizer(make_texts())
    model = tiny_models.tiny_model(model_type, seed=seed, vocab_size=len(tokenizer), **changes)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def run(store: Path, layers: tuple[str, ...], folders: list[Path], **changes: Any) -> HarvestReport:
    """Harvest folders of models; `corpus` and `progress` aside, changes are configuration."""
    corpus = changes.pop("corpus", None) or corpus_of(make_texts())
    progress = changes.pop("progress", Silent())
    config = HarvestConfig(
        **{"layers": layers, "store": store, "device": "cpu", **SMALL, **changes}
    )
    return harvest(
        config, models=resolve_models([str(f) for f in folders]), corpus=corpus, progress=progress
    )
