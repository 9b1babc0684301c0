"""From real models to a report, whatever the sources: one, derived, triples, layers, widths."""

from io import StringIO
from pathlib import Path

import pytest
import tiny_harvest
from rich.console import Console
from training import short

from xc.cli.pipeline_file import Pipeline
from xc.cli.results import print_evaluation
from xc.cli.training import train_config
from xc.evaluate import EvaluateConfig, Evaluation, evaluate
from xc.store_schema import ActivationStore, Checkpoint, RequestError, RunLayout, Silent
from xc.store_schema.describe import describe
from xc.store_schema.verify import verify_run
from xc.train import TrainReport, train

SNAPSHOTS = ("base@1", "base~2@1", "base~3@1")
LAYERS = ("base@0", "base@1", "base@2", "base@3")
WIDTHS = ("base@1", "small@2", "base~2@1")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    """Three snapshots of one model, four of its layers, and a narrower model; 1,500 rows."""
    folder = tmp_path_factory.mktemp("models")
    snapshots = [folder / f"step{i}" / "base" for i in range(3)]
    for i, path in enumerate(snapshots):
        tiny_harvest.save_model(path, "gpt2", seed=i)
    small = folder / "small"
    tiny_harvest.save_model(small, "llama", seed=9, hidden_size=16)
    path, base = folder / "acts.zarr", snapshots[0]
    tiny_harvest.run(path, ("1,1,1,2",), [*snapshots, small], tokens=1500)
    tiny_harvest.run(path, ("0,1,2,3",), [base] * 4, tokens=1500)
    return ActivationStore.open(path)


def through(
    store: ActivationStore, run: RunLayout, sources: tuple[str, ...], *, report: bool = False
) -> tuple[TrainReport, Evaluation]:
    config = short(sources=sources, validation_rows=store.n_rows)  # so, all that are held out
    done = train(config, store=store, run=run, progress=Silent())
    settings = EvaluateConfig(bootstrap=5, examples=2, report=report)
    return done, evaluate(settings, run=run, store=store, progress=Silent())


@pytest.mark.parametrize(
    "sources",
    [
        SNAPSHOTS,
        LAYERS,
        WIDTHS,
        ("base@1 - base~2@1",),
        ("base@1 + small@2",),
        ("base@1 + base@2 + base@3", "small@2"),
    ],
    ids=" , ".join,
)
def test_sources_of_every_kind_come_to_an_evaluation(
    store: ActivationStore, tmp_path: Path, sources: tuple[str, ...]
) -> None:
    run = RunLayout(tmp_path / "run")
    done, found = through(store, run, sources)
    letters = "abcd"[: len(sources)]
    assert list(done.fve) == list(letters)
    for name in letters:
        assert found.summary[f"fve_{name}"] == pytest.approx(done.fve[name], abs=1e-5)
    assert tuple(s.key for s in Checkpoint.load(run.root).sources) == sources
    assert verify_run(run.root, store=store) == []
    told = describe(run.root)
    assert [s["key"] for s in told["checkpoint"]["sources"]] == list(sources)
    classes = found.latents.column("class").tolist()
    assert classes.count("dead") == found.summary["n_dead"]
    if len(sources) > 1:
        for name in ("shared", *(f"{x}_only" for x in letters), "other"):
            assert classes.count(name) == found.summary[f"n_{name}"]
    for key, value in found.summary.items():
        if value is None:
            assert found.summary["not_measured"][key]


@pytest.mark.slow
@pytest.mark.parametrize("sources", [("base@1 - base~2@1",), WIDTHS], ids=" , ".join)
def test_the_report_and_the_screen_show_them(
    store: ActivationStore, tmp_path: Path, sources: tuple[str, ...]
) -> None:
    run = RunLayout(tmp_path / "run")
    _, found = through(store, run, sources, report=True)
    page = run.report.read_text()
    assert all(source in page for source in sources)
    console = Console(record=True, width=100, file=StringIO())
    print_evaluation(console, found)
    screen = console.export_text()
    assert "not measured" not in screen
    assert ("variance explained, C" in screen) == (len(sources) > 2)
    assert ("shared latents" in screen) == (len(sources) > 1)


def test_another_store_is_refused(store: ActivationStore, tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    through(store, run, ("base@1 - base~2@1",))
    swapped = short(sources=("base~2@1 - base@1",))
    with pytest.raises(RequestError, match="holds a run with sources"):
        train(swapped, store=store, run=run, progress=Silent())


def test_commas_separate_and_spaces_stay() -> None:
    asked = {"sources": ("a@1 - b@2, c@3", "d@4 + e@5")}
    config = train_config(Pipeline(), asked)
    assert config.sources == ("a@1 - b@2", "c@3", "d@4 + e@5")
