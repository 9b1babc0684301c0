"""The embedded tokenizer: exact round trips, special tokens, chat."""

import pytest
from transformers import AutoTokenizer

from xc.zoo import documents, model_folder
from xc.zoo.tokens import SPECIAL_TOKENS, load_bpe, train_bpe


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(model_folder("base"))


def test_heldout_files_come_back_exactly(tokenizer) -> None:
    for text in documents("stdlib-heldout"):
        ids = tokenizer(text, verbose=False).input_ids
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize(
    "text", ["", " ", "  two  spaces , and . more ?", "naïve 日本語 🙂\x00\t\r\n", "a" * 300]
)
def test_any_text_comes_back_exactly_and_nothing_is_added(tokenizer, text: str) -> None:
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    assert not set(ids) & set(range(len(SPECIAL_TOKENS)))


def test_special_tokens(tokenizer) -> None:
    assert len(tokenizer) == 4096
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == [0, 1, 2, 3, 4, 5]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 1, 2)
    assert set(tokenizer.all_special_ids) == {0, 1, 2, 3, 4, 5}
    assert tokenizer("<|user|>hi<|end|>").input_ids[0] == 3


def test_chat_template(tokenizer) -> None:
    messages = [
        {"role": "user", "content": "What is a list?"},
        {"role": "assistant", "content": "A sequence."},
        {"role": "user", "content": "Thanks."},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|bos|><|user|>What is a list?<|end|><|assistant|>A sequence.<|end|>"
        "<|user|>Thanks.<|end|><|assistant|>"
    )


def test_all_models_share_one_tokenizer() -> None:
    assert load_bpe(model_folder("base")).to_str() == load_bpe(model_folder("distilled")).to_str()


def test_training_is_deterministic() -> None:
    texts = ["def f(x):\n    return x\n" * 5, "class A:\n    pass\n" * 5]
    first, second = (train_bpe(texts, vocab_size=280).to_str() for _ in range(2))
    assert first == second
