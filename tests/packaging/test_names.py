"""The rooms' folder names stay free for other people's packages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LOOK = """
import importlib.util, json, sys

def places(name):
    spec = importlib.util.find_spec(name)
    if spec is None:
        return []
    return [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())

print(json.dumps({name: places(name) for name in sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def found(rooms: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Where names lie for a Python that neither pytest nor the current folder has a say in:
    `python -m pytest` puts the checkout on the path."""
    names = [*rooms, *(f"xc.{name}" for name in rooms)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOOK, *names],
        cwd=tmp_path_factory.mktemp("elsewhere"), capture_output=True, text=True, check=True,
    )  # fmt: skip
    told: dict[str, list[str]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("name", ["cli", "evaluate", "harvest", "store_schema", "train", "zoo"])
def test_a_bare_import_is_not_ours(found: dict[str, list[str]], name: str, root: Path) -> None:
    ours = (root / name).resolve()
    for place in map(Path, found[name]):
        assert ours != place.resolve()
        assert ours not in place.resolve().parents


def test_under_xc_they_are_ours(
    found: dict[str, list[str]], root: Path, rooms: tuple[str, ...]
) -> None:
    for name in rooms:
        (place,) = found[f"xc.{name}"]
        assert Path(place).resolve() == (root / name / "__init__.py").resolve()
