"""Names of derived sources, what is known of them, and their arrays against NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

from xc.store_schema import ActivationStore, RequestError, Source
from xc.store_schema.derived import (
    NO_LAYER,
    AnyOf,
    Concatenation,
    Derived,
    Difference,
    derived_rows,
    derived_source,
    joined_norms,
    norms_of,
    parse,
    spaced,
    width_of,
)


class Listed:
    """An array in memory, read as a stored one is."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.shape, self.dtype = values.shape, values.dtype

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.values[index]

    def read_into(self, start: int, stop: int, out: np.ndarray) -> None:
        out[...] = self.values[start:stop]


def listed(width: int, dtype: Any = bfloat16, seed: int = 0) -> Listed:
    return Listed(np.random.default_rng(seed).normal(size=(20, width)).astype(dtype))


def source(key: str, width: int, layer: int = 1, revision: str | None = None) -> Source:
    model = key.split("@", maxsplit=1)[0]
    return Source(key, model, revision, layer, "residual", "planted", width, "float32", key)


def test_keys_are_taken_apart() -> None:
    assert parse("gpt2@6") is None
    assert parse("a-b@6") is None
    assert parse("gpt2@6 - distilgpt2@3") == Derived("-", ("gpt2@6", "distilgpt2@3"))
    assert parse("a@1  +   b@2 + c@3") == Derived("+", ("a@1", "b@2", "c@3"))
    assert Derived("+", ("a@1", "b@2")).key == "a@1 + b@2"
    assert parse(Derived("-", ("a@1", "b@2")).key) == Derived("-", ("a@1", "b@2"))


@pytest.mark.parametrize("key", ["a@1 - b@1 - c@1", "a@1 - b@1 + c@1", " - a@1", "a@1 + "])
def test_what_is_neither_is_refused(key: str) -> None:
    with pytest.raises(RequestError, match=r"expected 'A - B'"):
        parse(key)


def test_a_difference_has_the_width_of_its_parts() -> None:
    found = derived_source(Derived("-", ("a@1", "b@1")), [source("a@1", 4), source("b@1", 4)])
    assert (found.key, found.d_model, found.layer, found.site) == ("a@1 - b@1", 4, 1, "difference")
    assert found.model == "a - b"
    assert found.revision is None


def test_a_concatenation_has_all_widths() -> None:
    parts = [source("a@1", 4, revision="abc"), source("b@2", 3, layer=2)]
    found = derived_source(Derived("+", ("a@1", "b@2")), parts)
    assert (found.d_model, found.layer, found.site) == (7, NO_LAYER, "concatenation")
    assert found.revision == "abc + ?"
    swapped = derived_source(Derived("+", ("b@2", "a@1")), parts[::-1])
    assert found.model_config_hash != swapped.model_config_hash


def test_unequal_widths_have_no_difference() -> None:
    with pytest.raises(RequestError, match="widths are 4 and 3"):
        derived_source(Derived("-", ("a@1", "b@2")), [source("a@1", 4), source("b@2", 3)])


INDICES: list[Any] = [
    slice(None),
    slice(3, 11),
    slice(2, 15, 4),
    [5, 1, 5],
    np.array([0, 19]),
    7,
    (slice(1, 4), slice(1, 3)),
]


@pytest.mark.parametrize("index", INDICES)
def test_rows_are_those_of_numpy(index: Any) -> None:
    a, b = listed(4, seed=1), listed(4, seed=2)
    x, y = (part.values.astype(np.float32) for part in (a, b))
    difference = derived_rows(Derived("-", ("a", "b")), [a, b])[index]
    assert difference.dtype == np.float32
    np.testing.assert_array_equal(difference, (x - y)[index])
    joined = derived_rows(Derived("+", ("a", "b", "a")), [a, b, a])[index]
    assert joined.dtype == bfloat16
    expected = np.concatenate([x, y, x], axis=1)[index]
    np.testing.assert_array_equal(joined.astype(np.float32), expected)


@pytest.mark.parametrize("made", [Difference, lambda a, b: Concatenation((a, b))])
def test_reading_into_memory_is_slicing(made: Callable[..., Any]) -> None:
    rows = made(listed(4, seed=1), listed(4, np.float32, seed=2))
    out = np.empty((6, rows.shape[1]), rows.dtype)
    rows.read_into(3, 9, out)
    np.testing.assert_array_equal(out, rows[3:9])
    assert rows.shape == rows[:].shape
    assert rows.dtype == rows[:].dtype == np.float32
    assert len(rows) == 20


def test_infinities_of_the_mask_raise_no_warning() -> None:
    a, b = listed(4), listed(4)
    a.values[3] = b.values[3] = np.inf
    assert np.isnan(Difference(a, b)[2:5][1]).all()


def test_columns() -> None:
    a, b = listed(4, seed=1), listed(3, seed=2)
    both = Concatenation((a, b))
    expected = np.linalg.norm(both[:].astype(np.float64), axis=1).astype(np.float32)
    np.testing.assert_allclose(norms_of(both)[2:7], expected[2:7], rtol=1e-6)
    joined = joined_norms([norms_of(a), norms_of(b)])
    np.testing.assert_allclose(joined[:], expected, rtol=1e-6)
    assert (joined[:].dtype, len(joined)) == (np.float32, 20)
    flags = [np.arange(5) == 1, np.arange(5) == 3]
    assert AnyOf((flags[0], flags[1]))[:].tolist() == [False, True, False, True, False]


def test_widths() -> None:
    stored = {"a@1": 4, "b@2": 3, "c@3": 4}
    assert width_of("b@2", stored) == 3
    assert width_of("a@1 - c@3", stored) == 4
    assert width_of("a@1 + b@2 + c@3", stored) == 11
    assert width_of("a@1 + d@4", stored) is None
    assert width_of("d@4", stored) is None


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("gpt-2@6-gpt-2-chat@3", "gpt-2@6 - gpt-2-chat@3"),
        ("gpt-2@6 -gpt-2-chat@3", "gpt-2@6 - gpt-2-chat@3"),
        ("gpt-2@6+gpt-2@6", "gpt-2@6 + gpt-2@6"),
        ("gpt-2@6-gpt-2@7", None),
        ("gpt-2@7", None),
    ],
)
def test_keys_without_spaces_are_understood(key: str, meant: str | None) -> None:
    assert spaced(key, ("gpt-2@6", "gpt-2-chat@3")) == meant


def test_a_store_says_how_a_difference_is_written(planted_store: ActivationStore) -> None:
    with pytest.raises(RequestError, match=r"'alpha@1-beta@2'; write 'alpha@1 - beta@2', with sp"):
        planted_store.source("alpha@1-beta@2")
