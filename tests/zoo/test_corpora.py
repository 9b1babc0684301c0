"""The embedded corpora: what belongs to them, in which order, and what is held out."""

import re
from pathlib import Path

import pytest

from xc.store_schema.errors import RequestError
from xc.zoo import corpora


def names(corpus: str) -> list[str]:
    return [document.name for document in corpora.corpus(corpus).read()]


@pytest.mark.slow
def test_train_and_heldout_share_nothing_and_make_up_everything() -> None:
    train, heldout, everything = names("stdlib-train"), names("stdlib-heldout"), names("stdlib")
    assert set(train).isdisjoint(heldout)
    assert sorted(train + heldout) == everything
    assert 0.03 < len(heldout) / len(everything) < 0.12


def test_it_is_the_standard_library_without_its_tests() -> None:
    everything = names("stdlib")
    assert {"json/__init__.py", "argparse.py", "pydoc_data/topics.py"} <= set(everything)
    forbidden = re.compile(r"(^|/)(tests?|idle_test|site-packages|encodings|config-[^/]*)/")
    assert not [name for name in everything if forbidden.search(name)]
    assert sum(map(len, corpora.documents("stdlib"))) > 5_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "b.py": b"b = 1\r\n",
        "a/c.py": b"c = 'caf\xc3\xa9'\n",
        "a.py": b"a = 1\n",
        "latin.py": b"# caf\xe9\n",
        "empty.py": b"\n",
        "test/test_a.py": b"pass\n",
        "a/tests/x.py": b"pass\n",
        "site-packages/other/y.py": b"pass\n",
        "_sysconfigdata_linux.py": b"prefix = '/somewhere'\n",
        "readme.txt": b"text\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_only_text_modules_in_sorted_order(folder: Path) -> None:
    found = list(corpora.read_folder(folder))
    assert [d.name for d in found] == ["a.py", "a/c.py", "b.py"]
    assert [d.text for d in found] == ["a = 1\n", "c = 'café'\n", "b = 1\n"]


def test_no_sources_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=re.escape(str(tmp_path))):
        list(corpora.read_folder(tmp_path))


def test_a_module_that_becomes_a_package_stays_on_its_side() -> None:
    for module in ("json", "queue", "xml/dom", "pathlib"):
        assert corpora.is_heldout(f"{module}.py") == corpora.is_heldout(f"{module}/__init__.py")


def test_the_heldout_modules_are_pinned() -> None:
    assert corpora.is_heldout("json/__init__.py")
    assert corpora.is_heldout("queue.py")
    assert not corpora.is_heldout("argparse.py")
    assert not corpora.is_heldout("json/decoder.py")


def test_fingerprint_sees_names_texts_and_where_they_part(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(corpora, "stdlib_folder", lambda: folder)
    before = corpora.fingerprint("stdlib")
    assert before == corpora.fingerprint("zoo:stdlib")
    (folder / "b.py").write_text("b = 2\n")
    changed = corpora.fingerprint("stdlib")
    (folder / "b.py").rename(folder / "d.py")
    assert len({before, changed, corpora.fingerprint("stdlib")}) == 3


def test_an_unknown_corpus_lists_the_known_ones() -> None:
    with pytest.raises(RequestError, match="zoo:stdlib, zoo:stdlib-train, zoo:stdlib-heldout"):
        corpora.documents("zoo:pile")
