"""What a seal wrote, against what it follows from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sinking

from xc.store_schema import ActivationStore, Silent
from xc.store_schema.problem import Problem
from xc.store_schema.verify_seal import check_comparisons
from xc.store_schema.verify_source import check_source
from xc.store_schema.zarr_group import open_group

Edit = Callable[[Path, Callable[[dict[str, Any]], None]], None]


@pytest.fixture
def store(tmp_path: Path) -> ActivationStore:
    return ActivationStore.open(sinking.write(tmp_path / "acts.zarr", 3.0).path)


def problems_of(path: Path) -> list[Problem]:
    store = ActivationStore.open(path)
    return check_source(store, store.source("a@1"), store.rows.mask, Silent())


def test_a_flag_turned(store: ActivationStore) -> None:
    flags = open_group(store.path, "r+")["sinks/a@1"]
    flags[7] = not flags[7]
    (problem,) = problems_of(store.path)
    assert problem.file == "sinks/a@1/c/0"
    assert "the flags are not those" in problem.what


def test_a_damaged_file_of_flags(store: ActivationStore) -> None:
    (store.path / "sinks/a@1/c/0").write_bytes(b"damaged")
    (problem,) = problems_of(store.path)
    assert problem.file == "sinks/a@1/c/0"


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("median_norm", 6.5),
        ("sink_threshold", None),
        ("sinks", 3),
        ("norm_quantiles", {"0.5": 6.0}),
        ("gamma", 0.5),
        ("gamma", None),
        ("largest_dimensions", []),
    ],
)
def test_a_figure_of_its_own(
    store: ActivationStore, edit_json: Edit, figure: str, value: object
) -> None:
    def change(about: dict[str, Any]) -> None:
        about["attributes"]["statistics"]["a@1"][figure] = value

    edit_json(store.path / "zarr.json", change)
    problems = problems_of(store.path)
    assert problems
    assert {p.file for p in problems} <= {"zarr.json", "statistics/a@1"}


def test_a_dimension_of_its_own(store: ActivationStore, edit_json: Edit) -> None:
    def change(about: dict[str, Any]) -> None:
        about["attributes"]["statistics"]["a@1"]["largest_dimensions"][0]["std"] *= 1.01

    edit_json(store.path / "zarr.json", change)
    (problem,) = problems_of(store.path)
    assert "largest_dimensions is not that" in problem.what


def test_comparisons_are_of_pairs_asked_for(store: ActivationStore, edit_json: Edit) -> None:
    assert check_comparisons(store) == []
    for told in ({"a@1|c@3": {}}, {"a@1|b@2": {"cka": 1.5}}, {"a@1|b@2": None}, None):
        edit_json(
            store.path / "zarr.json",
            lambda about, told=told: about["attributes"].update(comparisons=told),  # type: ignore[misc]
        )
        (problem,) = check_comparisons(ActivationStore.open(store.path))
        assert problem.file == "zarr.json"
        assert "comparison" in problem.what
