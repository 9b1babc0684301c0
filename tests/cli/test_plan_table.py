"""Durations as an estimate should say them, and what of a store is there already."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xc.cli.main import build_app
from xc.cli.plan_table import duration, there_line
from xc.harvest.estimate import Estimate, SourceCost


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.2, "1 s"),
        (61.5, "62 s"),
        (600, "10 min"),
        (9000, "2.5 h"),
        (10**6, "12 days"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


NOTHING_NEW = Estimate(
    store="acts.zarr", codec="bf16", rows=3000, exact=True, sequences=20,
    sources=(SourceCost("gpt2@6", 8, 0, 0.0, 0), SourceCost("gpt2@3", 8, 0, 0.0, 0)),
    new_rows=0, text=0, there=2_000_000, memory=1, device=None, free=None, available=1,
    device_total=None, compressible=False,
)  # fmt: skip


def test_a_store_that_has_it_all() -> None:
    line = there_line(NOTHING_NEW)
    assert line.startswith("acts.zarr is there already (")
    assert line.endswith("all of it is harvested, and nothing would be added")


def test_what_would_be_added() -> None:
    source = SourceCost("gpt2@3", 8, 3000, 1.0, 1)
    one = replace(NOTHING_NEW, sources=(NOTHING_NEW.sources[0], source))
    assert there_line(one).endswith("a harvest would add 3,000 rows of gpt2@3")
    longer = replace(one, new_rows=1000)
    assert "would add 1,000 more rows of text, 3,000 rows of gpt2@3" in there_line(longer)


def test_a_plan_without_models_names_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for typed, words in (("plan", ["plan"]), ("harvest", ["harvest", "--dry-run"])):
        done = CliRunner().invoke(build_app(words), words)
        assert done.exit_code == 2
        assert f"for instance: xc {typed} gpt2" in done.stderr
