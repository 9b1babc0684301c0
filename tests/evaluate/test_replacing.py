"""One evaluation in the place of another: whole, or not at all."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
import yaml
from measured import Case
from rich.console import Console

from xc.cli.results import print_evaluation
from xc.evaluate import Evaluation, artefacts, run
from xc.store_schema import RequestError, Silent

FILES = (
    "summary.json", "latents.parquet", "examples.parquet", "twins.parquet", "nu_curves.parquet",
    "config.yaml", "provenance.json",
)  # fmt: skip


class StoppedError(Exception):
    """Stands for a kill."""


class Told(Silent):
    """Remembers notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def stop(*_: object, **__: object) -> None:
    raise StoppedError


@pytest.fixture
def made(make_case: Callable[..., Case]) -> Case:
    return make_case()


def files(case: Case) -> dict[str, bytes]:
    found = {name: (case.run.evaluation / name).read_bytes() for name in FILES}
    report = {"report": case.run.report.read_bytes()} if case.run.report.is_file() else {}
    return found | report


def test_what_is_refused_leaves_the_last_one_as_it_was(
    made: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.evaluate()
    made.run.report.write_text("what was found")
    before = files(made)
    with pytest.raises(RequestError, match="unknown metric"):
        made.evaluate(metrics=("sharednes",))
    with pytest.raises(RequestError, match="no Dask scheduler answers"):
        made.evaluate(scheduler="tcp://127.0.0.1:9", seed=1, groups=5)
    monkeypatch.setattr(run, "find_twins", stop)
    with pytest.raises(StoppedError):
        made.evaluate(seed=1, examples=3)
    assert files(made) == before
    assert Evaluation.open(made.run.root).summary


def test_a_mixture_of_two_is_refused(made: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    made.evaluate()
    with monkeypatch.context() as patched:
        patched.setattr(artefacts, "write_summary", stop)
        with pytest.raises(StoppedError):
            made.evaluate(examples=3)
    with pytest.raises(RequestError, match="interrupted"):
        Evaluation.open(made.run.root)
    made.evaluate(examples=3)
    assert Evaluation.open(made.run.root).summary


def test_damaged_files_are_written_again(made: Case) -> None:
    made.evaluate()
    before = files(made)
    settings = yaml.safe_load(before["config.yaml"])
    told = json.loads(before["provenance.json"])
    assert artefacts.is_done(made.run, settings, told)
    for name, whole in before.items():
        path = made.run.evaluation / name
        path.write_bytes(whole[: len(whole) // 2])
        assert not artefacts.is_done(made.run, settings, told)
        path.write_bytes(whole)
    assert artefacts.is_done(made.run, settings, told)
    made.run.summary.write_bytes(before["summary.json"][:-9])
    made.run.twins.write_bytes(before["twins.parquet"][:-9])
    made.evaluate()
    assert files(made) == before


def test_fewer_metrics_in_the_place_of_all_are_noted(made: Case) -> None:
    told = Told()
    made.evaluate(progress=told)
    made.evaluate(progress=told, seed=1)
    assert not any("replaces" in note for note in told.notes)
    made.evaluate(progress=told, metrics=("l0", "fve"))
    assert any("of all metrics; `xc evaluate` brings it" in note for note in told.notes)
    made.evaluate(progress=told, metrics=("l0",))
    assert any("`xc evaluate --metrics l0,fve` brings it" in note for note in told.notes)


def test_what_was_left_out_is_not_shown_as_zero(made: Case) -> None:
    found = made.evaluate(metrics=("sharedness", "fve"), report=True)
    assert found.summary["fve"] is not None
    page = made.run.report.read_text(encoding="utf-8")
    assert "unclassed" not in page
    for section in ("classes", "latents"):
        assert f'id="{section}"' not in page
        assert f'href="#{section}"' not in page
    screen = shown(found)
    assert "sharedness" in screen
    for words in ("shared latents", "not measured", "dead latents", "xc null"):
        assert words not in screen
    assert "shared latents" in shown(made.evaluate())


def shown(found: Evaluation) -> str:
    console = Console(record=True, width=120, file=StringIO())
    print_evaluation(console, found)
    return console.export_text()


def test_other_methods_make_it_anew_from_the_sums_that_are_kept(
    made: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made.evaluate(groups=5, report=False).summary
    monkeypatch.setattr("xc.evaluate.jackknife.LEVEL", 0.5)
    assert made.evaluate(groups=5, report=False).summary == first
    monkeypatch.setattr("xc.evaluate.provenance.METHODS", 10**6)
    again = made.evaluate(groups=5, report=False).summary
    assert again["fve"] == first["fve"]
    assert again["fve_ci"][0] > first["fve_ci"][0]
