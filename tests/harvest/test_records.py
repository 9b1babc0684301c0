"""Records: the column with the text, and chats as text."""

import pytest

from xc.harvest.records import choose_column, render_chat, text_of
from xc.store_schema import RequestError

CHAT = [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Yes."}]


def test_columns_by_likelihood():
    assert choose_column(["id", "messages", "text"], None, where="x") == "text"
    assert choose_column(["rejected", "chosen"], None, where="x") == "chosen"
    assert choose_column(["text", "body"], "body", where="x") == "body"


@pytest.mark.parametrize(
    ("columns", "wanted", "message"),
    [
        (["id", "label"], None, "no text in columns id, label"),
        ([], None, r"no text in columns \(none\)"),
        (["text"], "txet", "did you mean 'text'"),
    ],
)
def test_no_column(columns, wanted, message):
    with pytest.raises(RequestError, match=message):
        choose_column(columns, wanted, where="x")


def test_chats_are_written_out():
    assert render_chat(CHAT, where="x") == "User: Hi?\nAssistant: Yes.\n"
    sharegpt = [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Yes."}]
    assert render_chat(sharegpt, where="x") == "User: Hi?\nAssistant: Yes.\n"
    assert render_chat([{"role": "system", "content": "Be."}], where="x") == "System: Be.\n"


def test_values():
    assert text_of("as is", where="x") == "as is"
    assert text_of(None, where="x") == ""
    assert text_of(CHAT, where="x") == render_chat(CHAT, where="x")


@pytest.mark.parametrize("value", [3, {"a": 1}, ["a", "b"], [1]])
def test_no_text(value):
    with pytest.raises(RequestError, match="expected text or chat messages"):
        text_of(value, where="x")


def test_a_message_without_role():
    with pytest.raises(RequestError, match="role and content"):
        text_of([{"content": "Hi"}], where="x")
