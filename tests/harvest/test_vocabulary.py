"""Joining the bytes of tokens gives the decoded text, for every kind of tokenizer."""

import hub_cache
import pytest
import tiny_tokenizers

from xc.harvest.vocabulary import byte_alphabet, piece_bytes

TEXTS = ["plain words, again.", "two  spaces\tand\nlines", "naïve 東京 Ωμέγα 🙂 \u00a0", ""]


def joined(tokenizer, text):
    pieces = piece_bytes(tokenizer, max(tokenizer.get_vocab().values()) + 1)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return b"".join(pieces[i] for i in ids).decode(), tokenizer.decode(ids)


@pytest.mark.parametrize("text", TEXTS)
def test_byte_level(text):
    ours, decoded = joined(hub_cache.make_tokenizer(TEXTS), text)
    assert ours == decoded == text


@pytest.mark.parametrize("text", TEXTS)
def test_byte_fallback(text):
    ours, decoded = joined(tiny_tokenizers.byte_fallback(), text)
    assert ours.removeprefix(" ") == decoded == text


def test_metaspace():
    ours, decoded = joined(tiny_tokenizers.metaspace(), "plain words, again.")
    assert ours.removeprefix(" ") == decoded == "plain words, again."


def test_wordpiece():
    ours, decoded = joined(tiny_tokenizers.wordpiece(), "we are playing")
    assert ours.removeprefix(" ") == decoded == "we are playing"


def test_special_tokens_show_their_names():
    tokenizer = hub_cache.make_tokenizer(TEXTS)
    pieces = piece_bytes(tokenizer, len(tokenizer))
    assert pieces[tokenizer.bos_token_id] == b"<|endoftext|>"


def test_unused_ids_are_empty():
    assert piece_bytes(tiny_tokenizers.wordpiece(), 7)[5:] == [b"", b""]


def test_the_alphabet_names_every_byte_once():
    assert sorted(byte_alphabet().values()) == list(range(256))
    assert byte_alphabet()["Ġ"] == 0x20
    assert byte_alphabet()["Ċ"] == 0x0A
