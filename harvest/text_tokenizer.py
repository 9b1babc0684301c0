"""The one tokenizer that all models of a store share: what it is, and text to token ids.

Two tokenizers are the same if their vocabularies (token to id, added tokens included) are equal
and both give the same ids for a probe text. Where they differ only in what counts as special, the
union counts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from xc.harvest.families import BOS_IS_EOS
from xc.harvest.models import Model, quiet_transformers
from xc.harvest.vocabulary import piece_bytes
from xc.store_schema import RequestError, canonical_json

PROBE = (
    "Hello, world! 3.14 = x**2;\n\n\tdef f(a_b):  return 'naïve'  # 東京 Ωμέγα 🙂\r\n"
    "I'll say  <b>THIS</b>: 1234567890 <|x|> [y] /usr/bin \u00a0 end"
)
"""Text that brings out how a tokenizer treats case, spaces, digits, accents and unknown scripts."""


@dataclass(frozen=True)
class TextTokenizer:
    """A tokenizer and what a store needs to know of it."""

    backend: Any
    """The Transformers tokenizer."""
    hash: str
    """sha256 of the sorted vocabulary."""
    probe: str
    """sha256 of the probe text's ids."""
    size: int
    """One more than the largest token id."""
    bos_id: int | None
    """What every sequence starts with; None where the models have no such convention."""
    special_ids: tuple[int, ...]
    """Ids that are never rows, sorted."""

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids (int32) of each text, without BOS; a special token's name is plain text."""
        return [np.asarray(ids, dtype=np.int32) for ids in _encode(self.backend, texts)]

    def vocabulary(self) -> list[bytes]:
        """Bytes of every token id; empty where an id is not used."""
        return piece_bytes(self.backend, self.size)

    def to_mapping(self) -> dict[str, Any]:
        """What the store records."""
        return {
            "hash": self.hash,
            "probe": self.probe,
            "size": self.size,
            "bos_id": self.bos_id,
            "special_ids": list(self.special_ids),
        }


def shared_tokenizer(models: Sequence[Model]) -> TextTokenizer:
    """Read the tokenizers of all models and see that they are one.

    Raises:
        RequestError: if a tokenizer cannot be read, two differ, or one has more ids than its model.
    """
    backends = [_read(model) for model in models]
    described = [_describe(b, m) for b, m in zip(backends, models, strict=True)]
    first = described[0]
    for model, other in zip(models, described, strict=True):
        if (other.hash, other.probe) != (first.hash, first.probe):
            raise RequestError(_difference(models[0], first, model, other))
        _check_fits(model, other)
    special = sorted({i for d in described for i in d.special_ids})
    return TextTokenizer(
        first.backend, first.hash, first.probe, first.size, first.bos_id, tuple(special)
    )


def _read(model: Model) -> Any:
    try:
        with quiet_transformers():
            return AutoTokenizer.from_pretrained(
                model.files.folder, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # tokenizers raise bare Exception on files they cannot read
        raise RequestError(
            f"model '{model.ref.reference}': its tokenizer cannot be read "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error


def _describe(backend: Any, model: Model) -> TextTokenizer:
    vocabulary: dict[str, int] = backend.get_vocab()
    if not vocabulary:
        raise RequestError(f"model '{model.ref.reference}': its tokenizer has no tokens")
    ids = list(_encode(backend, [PROBE])[0])
    return TextTokenizer(
        backend=backend,
        hash=_sha256(vocabulary),
        probe=_sha256(ids),
        size=max(vocabulary.values()) + 1,
        bos_id=_bos_id(backend, model),
        special_ids=_special_ids(backend),
    )


def _encode(backend: Any, texts: Sequence[str]) -> list[list[int]]:
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    encoded: list[list[int]] = backend(
        clean,
        add_special_tokens=False,
        split_special_tokens=True,
        return_attention_mask=False,
        verbose=False,
    )["input_ids"]
    return encoded


def _bos_id(backend: Any, model: Model) -> int | None:
    """The tokenizer's BOS, or the model's convention where the tokenizer names none."""
    if backend.bos_token_id is not None:
        return int(backend.bos_token_id)
    if model.config.model_type in BOS_IS_EOS and backend.eos_token_id is not None:
        return int(backend.eos_token_id)
    return None


def _special_ids(backend: Any) -> tuple[int, ...]:
    added = {i for i, token in backend.added_tokens_decoder.items() if token.special}
    return tuple(sorted(added | set(backend.all_special_ids)))


def _check_fits(model: Model, tokenizer: TextTokenizer) -> None:
    """Special ids beyond the embedding, BOS aside, are let pass: they are never run."""
    special = set(tokenizer.special_ids) - {tokenizer.bos_id}
    largest = max(i for i in tokenizer.backend.get_vocab().values() if i not in special)
    if largest >= model.config.vocab_size:
        raise RequestError(
            f"model '{model.ref.reference}': its tokenizer has ids up to {largest}, "
            f"but the model embeds only {model.config.vocab_size} tokens"
        )


def _difference(a: Model, first: TextTokenizer, b: Model, other: TextTokenizer) -> str:
    if first.size != other.size:
        how = f"{first.size} and {other.size} tokens"
    elif first.hash != other.hash:
        how = f"{first.size} tokens each, but not the same ones"
    else:
        how = "the same vocabulary, but a probe text is cut differently"
    return (
        f"{a.ref.name} and {b.ref.name} have different tokenizers ({how}); "
        "models of one store must read the same token ids"
    )


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
