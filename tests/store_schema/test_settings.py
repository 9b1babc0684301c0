"""Configuration classes: documentation, reading, refusing, and the way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xc.store_schema import RequestError, field_docs, from_mapping, suggestion, to_mapping
from xc.store_schema.settings import refuse_unknown


@dataclass(frozen=True)
class Base:
    """Common settings."""

    seed: int = 0
    """Seed of everything."""
    device: str = "auto"
    """cpu or
    cuda."""


@dataclass(frozen=True)
class Config(Base):
    """Settings of a stage."""

    lr: float = 1e-3
    """Learning rate."""
    seed: int = 1
    """Seed of this stage."""
    store: Path = Path("acts.zarr")
    """Where."""
    layers: tuple[str, ...] = ()
    """Which."""
    clip: float | None = None
    undocumented: bool = False

    def __post_init__(self) -> None:
        if self.lr <= 0:
            raise RequestError(f"lr must be positive; got {self.lr}")


def test_docs_are_one_line_and_a_subclass_documents_anew() -> None:
    assert field_docs(Config) == {
        "seed": "Seed of this stage.",
        "device": "cpu or cuda.",
        "lr": "Learning rate.",
        "store": "Where.",
        "layers": "Which.",
    }


@pytest.mark.parametrize("word", ["lr", "store"])
def test_an_unknown_key_is_refused_with_a_suggestion(word: str) -> None:
    with pytest.raises(RequestError) as caught:
        from_mapping(Config, {word + "s": 1}, where="pipeline.yaml, train")
    assert str(caught.value) == (
        f"pipeline.yaml, train: unknown key '{word}s'; did you mean '{word}'?"
    )


def test_without_a_near_word_all_are_listed() -> None:
    assert suggestion("zzz", ["b", "a"]) == "; known: a, b"
    assert suggestion("cat", ["bat", "a"]) == "; did you mean 'bat'?"
    assert suggestion("cat", ["cat-b", "cat-a", "bat"]) == "; did you mean 'cat-a' or 'cat-b'?"
    assert suggestion("", ["a", "b"]) == "; known: a, b"
    with pytest.raises(RequestError, match="x: unknown key '3'"):
        refuse_unknown([3], ["a"], where="x")  # type: ignore[list-item]


def test_what_yaml_gives_becomes_what_was_declared() -> None:
    values: Mapping[str, Any] = {
        "lr": "1e-4", "store": "a/b.zarr", "layers": ["6,3", "0,0"], "clip": 1,
    }  # fmt: skip
    config = from_mapping(Config, values, where="x")
    assert config == Config(lr=1e-4, store=Path("a/b.zarr"), layers=("6,3", "0,0"), clip=1.0)
    assert isinstance(config.clip, float)


def test_there_and_back_is_the_identity() -> None:
    config = Config(lr=0.5, layers=("6,3",), clip=2.0)
    plain = to_mapping(config)
    assert plain["layers"] == ["6,3"]
    assert plain["store"] == "acts.zarr"
    assert from_mapping(Config, plain, where="x") == config


def test_mappings_may_hold_configurations_and_mappings() -> None:
    assert to_mapping(Outer(Base(), {"a": (1, Path("x"))})) == {
        "inner": {"seed": 0, "device": "auto"},
        "more": {"a": [1, "x"]},
    }


@dataclass(frozen=True)
class Outer:
    inner: Base
    more: dict[str, Any]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": 0}, "x: lr must be positive; got 0"),
        ({"seed": "three"}, "x: seed: expected a whole number, found 'three'"),
        ({"seed": 2.5}, "x: seed: expected a whole number, found 2.5"),
        ({"seed": True}, "x: seed: expected a whole number, found True"),
        ({"device": 0}, r"x: device: expected text \(in quotes\), found 0"),
        ({"device": None}, r"x: device: expected text \(in quotes\), found None"),
        ({"undocumented": "yes"}, "x: undocumented: expected true or false, found 'yes'"),
        ({"clip": "wide"}, "x: clip: expected a number or null, found 'wide'"),
        ({"lr": "fast"}, "x: lr: expected a number, found 'fast'"),
        ({"layers": None}, "x: layers: expected text, or a list of texts, found None"),
        ({"layers": {"a": 1}}, "x: layers: expected text, or a list of texts, found {'a': 1}"),
        ({"layers": ["6", [3]]}, r"x: layers: expected text, or a list of texts, found \[3\]"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        from_mapping(Config, values, where="x")
    assert "\n" not in str(caught.value)


def test_one_text_alone_is_a_list_of_it() -> None:
    assert from_mapping(Config, {"layers": "6,3"}, where="x").layers == ("6,3",)
    assert from_mapping(Config, {"layers": 6}, where="x").layers == ("6",)


def test_a_missing_value_is_told() -> None:
    with pytest.raises(RequestError, match=r"x: .*missing 2 required positional arguments"):
        from_mapping(Outer, {}, where="x")
