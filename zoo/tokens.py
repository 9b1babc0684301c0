"""The embedded models' tokenizer: byte-level BPE with special tokens for documents and for chat."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
USER, ASSISTANT, END = "<|user|>", "<|assistant|>", "<|end|>"
SPECIAL_TOKENS = (BOS, EOS, PAD, USER, ASSISTANT, END)
"""Ids 0 to 5, in this order."""

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}"
    "{% else %}"
    "<|user|>{{ message['content'] }}<|end|>"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""Jinja: `<|bos|><|user|>question<|end|><|assistant|>answer<|end|>`."""


def train_bpe(texts: Iterable[str], *, vocab_size: int) -> Tokenizer:
    """Learn a byte-level BPE of `vocab_size` tokens, special tokens included.

    It normalises nothing and adds nothing, so decoding gives back every text exactly.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def for_transformers(tokenizer: Tokenizer, *, context: int) -> PreTrainedTokenizerFast:
    """Wrap for `AutoTokenizer`; `context` is the models' longest sequence in tokens."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        additional_special_tokens=[USER, ASSISTANT, END],
        clean_up_tokenization_spaces=False,
        model_max_length=context,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def save_tokenizer(tokenizer: Tokenizer, folder: Path, *, context: int) -> None:
    """Write the files that `AutoTokenizer` reads, in the spelling that old and new versions know.

    transformers 5 writes a class and a key for the special tokens that version 4 cannot read.
    """
    for_transformers(tokenizer, context=context).save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in ("backend", "extra_special_tokens"):
        config.pop(key, None)
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    config["additional_special_tokens"] = [USER, ASSISTANT, END]
    config["chat_template"] = CHAT_TEMPLATE
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_bpe(folder: Path) -> Tokenizer:
    """The bare tokenizer of a model folder: fast, without the wrapper."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
