"""References as typed and as in YAML, taken apart and refused."""

import re
from fractions import Fraction

import pytest

from xc.harvest.dataset_reference import (
    DatasetReference,
    parse_reference,
    parse_references,
    reference_text,
)
from xc.store_schema import RequestError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zoo:stdlib", DatasetReference("zoo:stdlib")),
        ("zoo:stdlib:0.5", DatasetReference("zoo:stdlib", weight=Fraction(1, 2))),
        ("mix:kissane:2", DatasetReference("mix:kissane", weight=Fraction(2))),
        ("o/n", DatasetReference("o/n")),
        ("o/n:.5", DatasetReference("o/n", weight=Fraction(1, 2))),
        ("o/n:1e-3", DatasetReference("o/n", weight=Fraction(1, 1000))),
        ("o/n@v1", DatasetReference("o/n", revision="v1")),
        (
            "o/n@refs/pr/1?config=en&split=test&column=a%20b:0.25",
            DatasetReference(
                "o/n", revision="refs/pr/1", config="en", split="test", column="a b",
                weight=Fraction(1, 4),
            ),
        ),
        ("no/such.jsonl?column=c", DatasetReference("no/such.jsonl", column="c")),
        ("/no/such@x.txt:1", DatasetReference("/no/such@x.txt", weight=Fraction(1))),
        ("o/n:half", DatasetReference("o/n:half")),
    ],
)  # fmt: skip
def test_typed(text, expected):
    assert parse_reference(text) == expected


@pytest.mark.parametrize("name", ["a:0.5", "a?column=b", "a@b.txt", "a b.jsonl"])
def test_a_path_that_exists_is_not_taken_apart(tmp_path, name):
    (tmp_path / name).write_text("")
    path = str(tmp_path / name)
    assert parse_reference(path) == DatasetReference(path)
    assert parse_reference(f"{path}:2") == DatasetReference(path, weight=Fraction(2))
    both = DatasetReference(path, column="c", weight=Fraction(2))
    assert parse_reference(f"{path}?column=c:2") == both


@pytest.mark.parametrize("weight", ["nan", "inf", "abc", "-1", "+1", "1/2", "50%", ""])
def test_a_weight_that_is_none_of_a_name_that_is_there(tmp_path, weight):
    (tmp_path / "a@b.txt").write_text("")
    for name in (f"{tmp_path}/a@b.txt", str(tmp_path), "zoo:stdlib", "mix:kissane"):
        told = f"data set '{name}:{weight}': weight '{weight}' is not a positive number; expected"
        with pytest.raises(RequestError, match=re.escape(f"{told} for instance {name}:0.5")):
            parse_reference(f"{name}:{weight}")


def test_the_colon_of_a_name_or_a_column_is_no_weights(tmp_path, monkeypatch):
    for name in ("zoo", "mix", "a", "a:b"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("zoo:stdlib", "mix:kissane", "a:b", "o/n:half"):
        assert parse_reference(name) == DatasetReference(name)
    for name in ("a", "a:b"):
        assert parse_reference(f"{name}?column=c:d") == DatasetReference(name, column="c:d")


def test_what_can_be_no_path_is_none():
    assert not DatasetReference("a" * 5000).is_local
    assert not DatasetReference("a\0b").is_local


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("o/n:0", "weight 0; give one above 0"),
        ("o/n:0.0", "weight 0"),
        ("o/n:1e999999999", "weight 1e999999999 is out of all proportion; expected a number from"),
        ("o/n:1e-999999999", "weight 1e-999999999 is out of all proportion"),
        ("mix:minder:1e101", "weight 1e101 is out"),
        ("o/n:1e" + "9" * 5000, "weight 1e9+ is out"),
        ("o/n:" + "1" * 5000, "weight 1+ is out"),
        ("o/n?colum=a", "unknown key 'colum'; did you mean 'column'"),
        ("o/n?split=", "split is empty"),
        ("o/n@", "no revision behind the @"),
    ],
)
def test_refused(text, message):
    with pytest.raises(RequestError, match=message):
        parse_reference(text)


def test_large_and_small_weights_are_exact():
    for weight in ("1e100", "1E-100", "1.5e+16", "0." + "3" * 90):
        assert parse_reference(f"o/n:{weight}").weight == Fraction(weight)


def test_weights_for_all_or_none():
    assert [r.weight for r in parse_references(["a/b", "c/d"])] == [None, None]
    with pytest.raises(RequestError, match=r"'c/d' has no weight.*c/d:0.5"):
        parse_references(["a/b:0.5", "c/d"])


@pytest.mark.parametrize("texts", [[], [""], ["a/b", ""]])
def test_none_at_all(texts):
    with pytest.raises(RequestError, match="no data set given"):
        parse_references(texts)


@pytest.mark.parametrize(
    "given",
    [
        {"name": "zoo:stdlib"},
        {"name": "o/n", "revision": "v1", "config": "a&b=c", "split": "x/y", "column": "d e"},
        {"name": "o/n", "weight": 3},
        {"name": "o/n", "config": None, "weight": 0.25},
        {"name": "web.jsonl", "column": "c", "weight": 1e-5},
    ],
)
def test_a_mapping_says_the_same(given):
    expected = {k: v for k, v in given.items() if v is not None and k != "weight"}
    weight = Fraction(str(given["weight"])) if "weight" in given else None
    found = parse_reference(reference_text(given))
    assert found == DatasetReference(**expected, weight=weight)


def test_a_text_stays():
    assert reference_text("o/n:2") == "o/n:2"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"nam": "x"}, "did you mean 'name'"),
        ({"weight": 1}, "no name"),
        ({"name": "x", "weight": "much"}, "weight much; expected a number"),
        ({"name": "x", "weight": -1}, "weight -1; expected a number"),
        (3, "expected a text, or a mapping"),
    ],
)
def test_yaml_refused(value, message):
    with pytest.raises(RequestError, match=message):
        reference_text(value)
