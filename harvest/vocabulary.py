"""Bytes of every token, so that the store can show text without the tokenizer.

Joining the bytes of consecutive tokens gives the UTF-8 text that the tokenizer would decode (up to
a space that some decoders strip at the very start).
"""

import json
import re
from collections.abc import Callable
from typing import Any

ToBytes = Callable[[str], bytes]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def piece_bytes(tokenizer: Any, size: int) -> list[bytes]:
    """Bytes of the token ids 0 … size - 1 of a Transformers tokenizer; empty for unused ids."""
    to_bytes = _scheme(tokenizer)
    added = {i: str(token).encode() for i, token in tokenizer.added_tokens_decoder.items()}
    pieces = [b""] * size
    for token, token_id in tokenizer.get_vocab().items():
        pieces[token_id] = added[token_id] if token_id in added else to_bytes(token)
    return pieces


def _scheme(tokenizer: Any) -> ToBytes:
    """How a tokenizer writes bytes as tokens, told by the decoders of its pipeline."""
    if not tokenizer.is_fast:
        return sentencepiece_bytes
    pipeline = json.loads(tokenizer.backend_tokenizer.to_str())
    kinds = _decoder_kinds(pipeline.get("decoder"))
    for kind, to_bytes in _SCHEMES:
        if kind in kinds:
            return to_bytes
    return str.encode


def _decoder_kinds(decoder: Any) -> set[str]:
    if not isinstance(decoder, dict):
        return set()
    inner = (_decoder_kinds(d) for d in decoder.get("decoders", ()))
    return {str(decoder["type"])}.union(*inner)


def byte_alphabet() -> dict[str, int]:
    """Character to byte in byte-level BPE (GPT-2's `bytes_to_unicode`, turned around).

    Printable Latin-1 characters stand for themselves; the other bytes take 256, 257, … in order.
    """
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in plain]
    alphabet = {chr(byte): byte for byte in plain}
    return alphabet | {chr(256 + i): byte for i, byte in enumerate(others)}


_ALPHABET = byte_alphabet()


def byte_level_bytes(token: str) -> bytes:
    """Byte-level BPE: each character stands for one byte."""
    if all(char in _ALPHABET for char in token):
        return bytes(_ALPHABET[char] for char in token)
    return token.encode()


def sentencepiece_bytes(token: str) -> bytes:
    """SentencePiece: `▁` is a space and `<0x0A>` a byte."""
    if found := _BYTE_TOKEN.fullmatch(token):
        return bytes([int(found[1], 16)])
    return token.replace("▁", " ").encode()


def wordpiece_bytes(token: str) -> bytes:
    """WordPiece: `##` continues a word, everything else begins one."""
    return token[2:].encode() if token.startswith("##") else f" {token}".encode()


def suffix_bytes(token: str) -> bytes:
    """BPE whose words end in `</w>`."""
    return token.replace("</w>", " ").encode()


_SCHEMES: tuple[tuple[str, ToBytes], ...] = (
    ("ByteLevel", byte_level_bytes),
    ("ByteFallback", sentencepiece_bytes),
    ("Metaspace", sentencepiece_bytes),
    ("Replace", sentencepiece_bytes),
    ("WordPiece", wordpiece_bytes),
    ("BPEDecoder", suffix_bytes),
)
