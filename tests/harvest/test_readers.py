"""Files of every kind give the documents that were put in; others say what is wrong."""

import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest

from xc.harvest.readers import kind_of, read_documents
from xc.store_schema import RequestError

TEXTS = ["one", "two\nlines", "naïve 東京"]


def as_lines(values):
    return "".join(json.dumps(v) + "\n" for v in values)


def write(path, text):
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "A.JSONL"])
def test_json_lines(tmp_path, name):
    path = write(tmp_path / name, as_lines([{"id": 1, "text": t} for t in TEXTS]) + "\n\n")
    assert list(read_documents(path, None)) == TEXTS


def test_json_strings(tmp_path):
    path = write(tmp_path / "a.jsonl", as_lines(TEXTS))
    assert list(read_documents(path, None)) == TEXTS


def test_json_chats(tmp_path):
    chat = [{"role": "user", "content": "Hi"}]
    path = write(tmp_path / "a.jsonl", as_lines([{"messages": chat}, {"messages": None}]))
    assert list(read_documents(path, None)) == ["User: Hi\n", ""]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_text(tmp_path, name):
    path = write(tmp_path / name, "one\r\ntwo\n")
    assert list(read_documents(path, None)) == ["one\r\ntwo\n"]


def test_text_that_is_no_utf8(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfcaf\xe9")
    assert list(read_documents(tmp_path / "a.txt", None)) == ["caf\ufffd"]


def test_parquet(tmp_path):
    table = pyarrow.table({"n": [1, 2, 3], "body": TEXTS})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert list(read_documents(tmp_path / "a.parquet", "body")) == TEXTS
    with pytest.raises(RequestError, match="no text in columns n, body"):
        list(read_documents(tmp_path / "a.parquet", None))


def test_parquet_chats(tmp_path):
    chats = [[{"role": "user", "content": "Hi"}], None]
    pyarrow.parquet.write_table(pyarrow.table({"messages": chats}), tmp_path / "a.parquet")
    assert list(read_documents(tmp_path / "a.parquet", None)) == ["User: Hi\n", ""]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"text": "a"}\n{"text": \n', r"line 2: no JSON"),
        ("3\n", "expected a JSON object, found int"),
        ('{"text": "a"}\n{"other": "b"}\n', "record 2 has no column 'text'"),
        ('{"text": 7}\n', "expected text or chat messages, found int"),
        ('{"label": "a"}\n', "no text in columns label"),
    ],
)
def test_what_is_wrong_with_json_lines(tmp_path, lines, message):
    path = write(tmp_path / "a.jsonl", lines)
    with pytest.raises(RequestError, match=message):
        list(read_documents(path, None))


@pytest.mark.parametrize("name", ["a.parquet", "a.txt.gz"])
def test_files_that_are_not_what_they_say(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(RequestError, match="cannot be read"):
        list(read_documents(tmp_path / name, None))


def test_kinds(tmp_path):
    assert kind_of(tmp_path / "a.txt") == ".txt"
    assert kind_of(tmp_path / "a.json") is None
    assert kind_of(tmp_path / ".hidden.txt") is None
    assert kind_of(tmp_path / "a.parquet.gz") is None
