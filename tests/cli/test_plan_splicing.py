"""What running models for ce_* adds to a plan: every source, its rate, and what is loaded."""

import json
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import Mock

import pytest
from typed_world import World, make_world

from xc.cli import plan_splicing
from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.pipeline_file import Pipeline
from xc.cli.plan_splicing import SplicingTimes, measure, with_splicing
from xc.cli.plan_training import StagePlan
from xc.store_schema import Progress, RequestError, RunLayout, Silent

PLAN = StagePlan("evaluate", 10, 20, 7.0, {"heldout_rows": 600})


class Noted(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_every_source_takes_its_own_time() -> None:
    found = with_splicing(PLAN, SplicingTimes((100.0, 300.0), 1.5))
    assert found.seconds == 7 + 6 + 2 + 1.5
    assert found.details == {"heldout_rows": 600, "spliced_sources": 2}
    assert (found.bytes, found.memory) == (10, 20)


def test_what_was_not_measured_has_no_time() -> None:
    assert with_splicing(PLAN, None).seconds is None


@dataclass
class Clock:
    """Of a machine that loads models in 2 s and takes so many for each source, in two steps."""

    sources: tuple[float, ...] = ()
    error: str = ""
    now: float = 0.0

    def perf_counter(self) -> float:
        return self.now

    def measure_spliced(self, *_: object, progress: Progress, **places: object) -> None:
        self.now += 2
        if self.error:
            raise RequestError(self.error)
        for seconds in self.sources:
            progress.start("gpt2@6, spliced", 40, "rows")
            for _ in range(2):
                self.now += seconds / 2
                progress.advance(20)
            progress.finish()


def measured(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, progress: Progress
) -> SplicingTimes | None:
    monkeypatch.setattr(plan_splicing, "time", clock)
    monkeypatch.setattr(plan_splicing, "measure_spliced", clock.measure_spliced)
    return measure(
        EvaluateOptions(), Pipeline(), progress=progress, run=RunLayout(Path("run")),
        store=Mock(),
    )  # fmt: skip


def test_sources_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(monkeypatch, Clock((4.0, 0.5)), Silent())
    assert found == SplicingTimes((10.0, 80.0), 2.0)


def test_too_slow_a_model_gives_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(monkeypatch, Clock((4.0, 2 * plan_splicing.SECONDS)), Silent()) is None


def test_why_none_can_be_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    progress = Noted()
    assert measured(monkeypatch, Clock(error="no source can be spliced"), progress) is None
    assert progress.notes == ["ce_* will not be measured: no source can be spliced"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def with_ce(folder: Path) -> str:
    text = (folder / "pipeline.yaml").read_text()
    assert "evaluate:" not in text
    (folder / "ce.yaml").write_text(f"{text}\nevaluate: {{ce: true, bootstrap: 0, groups: 0}}\n")
    return "ce.yaml"


@pytest.mark.slow
def test_a_plan_counts_the_models(world: World) -> None:
    words = ("plan", "gpt2", "distilgpt2", "--layer", "6,3", "--tokens", "3000", "--json")
    done = world.xc(*words, "--config", with_ce(world.folder))
    assert done.returncode == 0, done.stderr
    stage = json.loads(done.stdout)["evaluate"]
    assert stage["spliced_sources"] == 2
    assert stage["seconds"] > 0
