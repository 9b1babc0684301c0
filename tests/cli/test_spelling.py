"""American spellings: as options, in pipeline.yaml and in sweeps; help shows one spelling."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from xc.cli.options import with_options
from xc.cli.pipeline_file import Pipeline, load_pipeline
from xc.cli.spelling import american, british
from xc.cli.sweeping import axes_of
from xc.cli.training import train_config
from xc.store_schema import RequestError


@dataclass(frozen=True)
class Settings:
    """Settings of a test."""

    normalisation: str = "rms"
    """How."""
    centre: bool = False
    """Whether."""


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def app(seen: list[dict[str, Any]]) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @with_options(Settings)
    def work(values: dict[str, Any]) -> None:
        """Work."""
        seen.append(values)

    return app


def test_words() -> None:
    assert (british("normalization"), british("center"), british("k")) == (
        "normalisation", "centre", "k",
    )  # fmt: skip
    assert (american("centre"), american("tokens")) == ("center", None)


def test_options(app: typer.Typer, seen: list[dict[str, Any]]) -> None:
    for words in (["--normalization", "none", "--center"], ["--no-center"], ["--centre"]):
        assert CliRunner().invoke(app, words).exit_code == 0
    assert seen == [{"normalisation": "none", "centre": True}, {"centre": False}, {"centre": True}]


def test_both_spellings_are_one_too_many(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["--centre", "--no-center"])
    assert done.exit_code == 2
    assert "'centre' is given twice" in done.stderr


def test_help_shows_one(app: typer.Typer) -> None:
    text = CliRunner().invoke(app, ["--help"]).output
    assert "--normalisation" in text
    assert "ization" not in text
    assert "center" not in text


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text("train: {normalization: rms, center: true}\nsweep: {normalization: [rms]}\n")
    file = load_pipeline(path)
    config = train_config(file, {})
    assert (config.normalisation, config.centre) == ("rms", True)
    assert axes_of(file, ()) == {"normalisation": ("rms",)}
    path.write_text("train: {centre: true, center: false}\n")
    with pytest.raises(RequestError, match="train: 'centre' is given twice; leave one out"):
        load_pipeline(path)


def test_a_sweep() -> None:
    assert axes_of(Pipeline(), ["normalization=rms,none"]) == {"normalisation": ("rms", "none")}
