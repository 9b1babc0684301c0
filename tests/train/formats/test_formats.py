"""The table of formats: complete, and each row says what it must."""

import pkgutil

import foreign
import pytest

from xc.train import formats
from xc.train.formats import FORMATS, Format

_HELPERS = {
    "finding", "jkminder_normaliser", "jkminder_write", "kinds", "mismatch", "names",
    "open_reference", "ours", "place", "settled", "weights",
}  # fmt: skip


def test_each_file_is_a_row_or_a_known_helper() -> None:
    files = {m.name for m in pkgutil.iter_modules(formats.__path__)}
    assert files - _HELPERS == {name.replace("-", "_") for name in FORMATS}


@pytest.mark.parametrize("name", FORMATS)
def test_each_row_has_a_name_and_words(name: str) -> None:
    assert FORMATS[name].name == name
    assert FORMATS[name].words


def test_tensors_fit_one_format_only() -> None:
    examples = {
        "kissane": foreign.joint(),
        "becker": foreign.apart(),
        "jkminder": foreign.layered(),
        "saelens": foreign.single(),
    }
    for name, tensors in examples.items():
        assert [f.name for f in FORMATS.values() if f.fits(tensors)] == [name]


def test_those_that_are_written() -> None:
    def writes(layout: Format) -> bool:
        return layout.write is not None

    assert {f.name for f in FORMATS.values() if writes(f)} == {"kissane", "becker", "jkminder"}
