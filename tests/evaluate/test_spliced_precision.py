"""Precisions in words, and when sources are not alike."""

import pytest

from xc.evaluate.spliced_precision import Precision, unequal, words

FLOAT32, BFLOAT16 = Precision("float32"), Precision("bfloat16")
FOUR_BITS = Precision("float32", "4bit")


@pytest.mark.parametrize(
    "precision", [FLOAT32, FOUR_BITS, Precision("bfloat16", None, "eager")], ids=str
)
def test_there_and_back(precision):
    assert Precision.from_told(precision.to_dict()) == precision


@pytest.mark.parametrize("told", [None, "float32", {}, {"dtype": "float32", "more": 1}])
def test_what_tells_none_is_unknown(told):
    assert Precision.from_told(told) is None


def test_words():
    assert words(Precision("bfloat16", "4bit", "eager")) == "bfloat16 from 4bit, attention eager"
    assert words(FLOAT32) == "float32"
    assert words(None) == "unknown precision"


@pytest.mark.parametrize(
    "found", [{}, {"a": None}, {"a": BFLOAT16}, {"a": FOUR_BITS, "b": Precision("float32", "4bit")}]
)
def test_nothing_is_said_where_all_are_alike(found):
    assert unequal(found) is None


@pytest.mark.parametrize(
    "other", [BFLOAT16, None, Precision("float32", None, "eager"), FOUR_BITS], ids=words
)
def test_what_differs_is_told_of_each(other):
    note = unequal({"a": FLOAT32, "b": other})
    assert note is not None
    assert f"(A: float32; B: {words(other)})" in note
    assert ("may have run" in note) == (other is None)


def test_one_type_is_no_remedy_where_it_is_one_already():
    assert "--dtype" in (unequal({"a": FLOAT32, "b": BFLOAT16}) or "")
    assert "--dtype" in (unequal({"a": None, "b": None}) or "")
    assert "--dtype" not in (unequal({"a": FLOAT32, "b": FOUR_BITS}) or "--dtype")
