"""README and docs quote the committed results."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_readme_holds_the_table():
    table = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))["table"]()
    assert table in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_page_on_the_store_holds_the_table_of_codecs():
    codecs = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))["codecs"]()
    assert codecs in (ROOT / "docs" / "store-format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("world", ["unequal", "equal"])
def test_the_page_on_recovery_holds_its_tables(world):
    recovery = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))["recovery"](world)
    assert recovery in (ROOT / "docs" / "recovery.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("world", ["plain", "shrinkage", "decoupling"])
def test_the_page_on_artefacts_holds_its_tables(world):
    artefacts = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))["artefacts"](world)
    assert artefacts in (ROOT / "docs" / "artefacts.md").read_text(encoding="utf-8")


def test_the_page_on_null_controls_holds_its_table():
    identical = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))["identical"]()
    assert identical in (ROOT / "docs" / "nulls.md").read_text(encoding="utf-8")


def test_the_page_on_sources_holds_its_table():
    snapshots = runpy.run_path(str(ROOT / "benchmarks" / "table.py"))["snapshots"]()
    assert snapshots in (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
