"""What an export leaves out is said."""

from pathlib import Path

import pytest
from training import make_crosscoder
from typer.testing import CliRunner

from xc.cli.main import build_app
from xc.store_schema import RunLayout
from xc.train.partition import plan_partition


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """Of two sources 6 wide, with exclusive latents."""
    groups = plan_partition(
        d_sae=24, widths=[6, 6], shared_fraction=0.0, shared_penalty=1.0, exclusive=(0.25, 0.25)
    )
    run = RunLayout(tmp_path / "run")
    make_crosscoder((6, 6), name="relu", partition=groups).to_checkpoint().save(run.checkpoint)
    return run


def exported(run: RunLayout, layout: str) -> str:
    words = ["export", str(run.root), "--format", layout, "--out", str(run.root.parent / layout)]
    done = CliRunner().invoke(build_app(words), words)
    assert done.exit_code == 0, done.stderr
    return done.output


@pytest.mark.parametrize("layout", ["jkminder", "kissane", "becker"])
def test_groups_are_lost_in_the_layouts_of_others(run: RunLayout, layout: str) -> None:
    said = exported(run, layout)
    assert f"note: {layout} has no place for groups of latents (exclusive, plain)" in said


def test_ours_keeps_them(run: RunLayout) -> None:
    assert "note" not in exported(run, "xc")


def test_without_groups_there_is_nothing_to_lose(tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    make_crosscoder((6, 6), name="relu").to_checkpoint().save(run.checkpoint)
    assert "note" not in exported(run, "kissane")
