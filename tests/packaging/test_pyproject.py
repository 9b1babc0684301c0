"""pyproject.toml agrees with the tree, and says why it needs what it needs."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def settings(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_package_list_is_the_tree(
    settings: dict[str, Any], root: Path, rooms: tuple[str, ...]
) -> None:
    listed = settings["tool"]["setuptools"]["packages"]
    found = [
        "xc." + ".".join(path.parent.relative_to(root).parts)
        for room in rooms
        for path in (root / room).rglob("__init__.py")
    ]
    assert sorted(listed) == sorted(found)
    assert listed == sorted(listed)


def test_every_folder_with_code_is_a_package(root: Path, rooms: tuple[str, ...]) -> None:
    for room in rooms:
        for path in (root / room).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file(), path


def test_every_dependency_says_why(root: Path) -> None:
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(r"^(?:dependencies|hub|test) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert len(lists) == 3
    for line in "".join(lists).splitlines():
        assert re.fullmatch(r'    "[^"]+", +# \S.*', line), line


def test_folders_are_mapped_to_import_names(
    settings: dict[str, Any], rooms: tuple[str, ...]
) -> None:
    mapped = settings["tool"]["setuptools"]["package-dir"]
    assert {f"xc.{room}": room for room in rooms}.items() <= mapped.items()
    assert all(
        folder == name.removeprefix("xc.").replace(".", "/") for name, folder in mapped.items()
    )
