"""The rooms' folder names stay free for other people's packages."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest


def places(spec: ModuleSpec | None) -> list[Path]:
    if spec is None:
        return []
    found = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return [Path(place).resolve() for place in found]


@pytest.mark.parametrize("name", ["cli", "evaluate", "harvest", "store_schema", "train", "zoo"])
def test_a_bare_import_is_not_ours(name: str, root: Path) -> None:
    """Fails under `python -m pytest`, which puts the checkout on the path: run plain `pytest`."""
    ours = (root / name).resolve()
    for place in places(importlib.util.find_spec(name)):
        assert ours != place
        assert ours not in place.parents


def test_under_xc_they_are_ours(root: Path, rooms: tuple[str, ...]) -> None:
    for name in rooms:
        (place,) = places(importlib.util.find_spec(f"xc.{name}"))
        assert place == (root / name / "__init__.py").resolve()
