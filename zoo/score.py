"""Measures the models on held-out text and writes their cards: `python -m xc.zoo.score`."""

import argparse
import math
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import GPT2LMHeadModel

from xc.zoo.card import update_card
from xc.zoo.corpora import documents, fingerprint
from xc.zoo.language_model import load_model
from xc.zoo.models import CONTEXT, MODELS, model_folder
from xc.zoo.ngrams import Bigram, Unigram
from xc.zoo.tokens import load_bpe
from xc.zoo.windows import IGNORED, TokenizedCorpus, Windows, cover, tokenize

HELDOUT, TRAIN = "stdlib-heldout", "stdlib-train"

SAMPLE_STRIDE = 8
"""The quick measure reads every eighth window of the held-out text."""


def heldout_windows(folder: Path) -> tuple[TokenizedCorpus, Windows]:
    """The held-out text in a model's tokens, and the windows that score each token once."""
    corpus = tokenize(documents(HELDOUT), load_bpe(folder))
    return corpus, cover(corpus, length=CONTEXT)


def mean_loss(model: GPT2LMHeadModel, windows: Windows, *, batch_size: int = 32) -> float:
    """Cross-entropy in nats per target, in float32, summed in float64."""
    device = next(model.parameters()).device
    total = 0.0
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(windows), batch_size):
            batch = windows[start : start + batch_size]
            inputs = torch.from_numpy(batch.inputs).to(device)
            targets = torch.from_numpy(batch.targets).to(device).flatten()
            scores = model(inputs, attention_mask=torch.ones_like(inputs)).logits.flatten(0, 1)
            losses = functional.cross_entropy(
                scores, targets, ignore_index=IGNORED, reduction="none"
            )
            total += losses.double().sum().item()
    return total / int((windows.targets != IGNORED).sum())


def measure(folder: Path, *, device: str = "cpu") -> dict[str, Any]:
    """The `heldout` section of a card: losses in nats per token, and the n-gram yardsticks."""
    corpus, windows = heldout_windows(folder)
    model = load_model(folder).to(device)
    training = tokenize(documents(TRAIN), load_bpe(folder))
    vocab_size = model.config.vocab_size
    loss = mean_loss(model, windows)
    return {
        "loss": round(loss, 4),
        "loss_sample": round(mean_loss(model, windows[::SAMPLE_STRIDE]), 4),
        "sample_stride": SAMPLE_STRIDE,
        "bits_per_byte": round(loss * corpus.n_tokens / corpus.n_bytes / math.log(2), 4),
        "unigram": round(Unigram.fit(training, vocab_size=vocab_size).cross_entropy(corpus), 4),
        "bigram": round(Bigram.fit(training, vocab_size=vocab_size).cross_entropy(corpus), 4),
        "train_loss_sample": round(mean_loss(model, cover(training, length=CONTEXT)[::128]), 4),
        "tokens": corpus.n_tokens,
        "bytes": corpus.n_bytes,
        "corpus": HELDOUT,
        "corpus_fingerprint": fingerprint(HELDOUT),
        "python": platform.python_version(),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; `argv` instead of the process's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", help="default: all embedded models")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(argv)
    for folder in given.folders or [model_folder(m.name) for m in MODELS]:
        heldout = measure(folder, device=given.device)
        update_card(folder, heldout=heldout)
        print(
            f"{folder.name}: held-out loss {heldout['loss']} nats/token, "
            f"{heldout['bits_per_byte']} bits/byte "
            f"(bigram {heldout['bigram']}, unigram {heldout['unigram']})"
        )


if __name__ == "__main__":
    main()
