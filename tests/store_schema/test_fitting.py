"""Values fitted to declared types: only what loses nothing is changed."""

from pathlib import Path
from typing import Any, Optional

import pytest

from xc.store_schema import RequestError
from xc.store_schema.fitting import check_listed, check_plain, fitted
from xc.store_schema.places import Place, place


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("1e-4", float, 1e-4),
        ("1e-4", float | None, 1e-4),
        ("1e-4", Optional[float], 1e-4),  # noqa: UP045  (older code writes it so)
        ("1e-4", str, "1e-4"),
        ("1e-4", str | float, "1e-4"),
        ("fast", float, "fast"),
        ("12", int, "12"),
        (3, float, 3.0),
        (3, int | float, 3),
        (1e6, int, 1_000_000),
        (1.5, int, 1.5),
        (1e6, int | float, 1e6),
        (True, float, True),
        (None, float | None, None),
        ("a/b", Path, Path("a/b")),
        ("a/b", Path | None, Path("a/b")),
        ("a/b", Place, Path("a/b")),
        ("memory://a/b", Place, place("memory://a/b")),
        (["a", "b"], tuple[str, ...], ("a", "b")),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        ([["a"], ["b"]], tuple[tuple[str, ...], ...], (("a",), ("b",))),
        ([1, "a"], tuple[int, str], (1, "a")),
        (["a"], list[str], ["a"]),
        ([1], tuple[int, ...] | None, (1,)),
        (None, tuple[int, ...] | None, None),
        ("user", tuple[str, ...], ("user",)),
        ([1, 0.5, "a"], tuple[str, ...], ("1", "0.5", "a")),
        (("1", "1,2"), tuple[float, ...], (1.0, "1,2")),
        ({"name": "a"}, tuple[str, ...], ({"name": "a"},)),
        (True, tuple[str, ...], (True,)),
        ("x", tuple[int, str], "x"),
        ({"a": 1}, dict[str, Any], {"a": 1}),
        ("x", Any, "x"),
    ],
)
def test_fitted(value: Any, kind: Any, expected: Any) -> None:
    found = fitted(value, kind)
    assert found == expected
    assert type(found) is type(expected)
    assert fitted(found, kind) == found


@pytest.mark.parametrize(
    ("value", "kind"),
    [(3, int), (None, int | None), ("x", str), (["x"], tuple[str, ...]), (1, Any)],
)
def test_what_was_declared_or_is_richer_passes(value: Any, kind: Any) -> None:
    check_plain(value, kind, where="x")


@pytest.mark.parametrize(("value", "kind"), [(True, int), (1, bool), ("1", int), (2, str | None)])
def test_what_cannot_be_meant_is_refused(value: Any, kind: Any) -> None:
    with pytest.raises(RequestError, match=r"x: expected .*, found"):
        check_plain(value, kind, where="x")


@pytest.mark.parametrize("value", [(), ("a",), (1, 2.5), "a"])
def test_lists_of_text_and_numbers_pass(value: Any) -> None:
    check_listed(value, tuple[str, ...], nested=False, where="x")


def test_an_entry_of_another_kind_is_refused() -> None:
    for value in (None, (None,), (True,), (["a"],), ({"name": "a"},)):
        with pytest.raises(RequestError, match="x: expected text, or a list of texts, found"):
            check_listed(value, tuple[str, ...], nested=False, where="x")
    with pytest.raises(RequestError, match="x: expected a number, or a list of them, found None"):
        check_listed((1.0, None), tuple[float, ...], nested=False, where="x")
    check_listed((["a"], {"name": "a"}), tuple[str, ...], nested=True, where="x")
    check_listed(None, tuple[str, ...] | None, nested=False, where="x")
    check_listed(7, int, nested=False, where="x")
