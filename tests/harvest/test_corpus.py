"""Data set references: files, folders, fingerprints, and what is not there."""

import pytest

from xc.harvest import open_corpus
from xc.store_schema import RequestError


def test_a_file(tmp_path):
    (tmp_path / "a.txt").write_text("text\n")
    corpus = open_corpus(str(tmp_path / "a.txt"))
    assert corpus.name == "a.txt"
    assert list(corpus.documents()) == ["text\n"]
    assert list(corpus.documents()) == ["text\n"]


def test_a_folder_in_order_of_paths(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.txt").write_text("3")
    (tmp_path / "a.jsonl").write_text('{"text": "1"}\n{"text": "2"}\n')
    (tmp_path / "readme.md").write_text("no")
    assert list(open_corpus(str(tmp_path)).documents()) == ["1", "2", "3"]


def test_the_fingerprint_is_of_the_contents(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("text")
    one, two = (open_corpus(str(tmp_path / name)) for name in ("one", "two"))
    assert one.fingerprint == two.fingerprint
    (tmp_path / "two" / "a.txt").write_text("tekt")
    assert open_corpus(str(tmp_path / "two")).fingerprint != one.fingerprint


def test_a_moved_border_between_files_is_noticed(tmp_path):
    for folder, parts in (("one", ("ab", "c")), ("two", ("a", "bc"))):
        (tmp_path / folder).mkdir()
        for name, part in zip(("1.txt", "2.txt"), parts, strict=True):
            (tmp_path / folder / name).write_text(part)
    one, two = (open_corpus(str(tmp_path / name)) for name in ("one", "two"))
    assert one.fingerprint != two.fingerprint


@pytest.mark.parametrize("reference", ["no.txt", "./no", "/no/such", "no.jsonl.gz", "a/b/c", ""])
def test_nothing_there(reference):
    with pytest.raises(RequestError, match="no such file or folder"):
        open_corpus(reference)


def test_an_empty_folder(tmp_path):
    with pytest.raises(RequestError, match="no text in this folder"):
        open_corpus(str(tmp_path))


def test_an_unknown_kind(tmp_path):
    (tmp_path / "a.pdf").write_text("")
    with pytest.raises(RequestError, match=r"expected \.txt, \.jsonl, \.parquet"):
        open_corpus(str(tmp_path / "a.pdf"))
