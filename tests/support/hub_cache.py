"""A Hugging Face cache made on the spot: tiny models under well-known names, no network."""

import hashlib
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

WIDTH = 16


def make_tokenizer(texts: list[str], *, size: int = 300) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with GPT-2's convention: <|endoftext|> is BOS and EOS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        unk_token="<|endoftext|>",
    )


def make_gpt2(n_layer: int, vocab_size: int, *, seed: int) -> GPT2LMHeadModel:
    """A GPT-2 of width 16 with weights large enough that layers differ clearly."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=vocab_size, n_positions=64, n_embd=WIDTH, n_layer=n_layer, n_head=2,
        initializer_range=0.2, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def put_in_cache(
    cache: Path, name: str, model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast
) -> str:
    """Lay a model out as `huggingface_hub` would have; returns the commit it pretends to be."""
    folder = cache / "hub" / f"models--{name.replace('/', '--')}"
    commit = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    snapshot = folder / "snapshots" / commit
    model.save_pretrained(snapshot)
    tokenizer.save_pretrained(snapshot)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    return commit
