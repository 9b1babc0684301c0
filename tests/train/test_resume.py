"""A run that was killed, anywhere, ends with the bytes of the run that was not."""

import json
import shutil
from pathlib import Path

import planted
import pytest
import yaml
from stopping import Crash, Stop
from training import short, tree

from xc.store_schema import ActivationStore, DamageError, RequestError, RunLayout, Silent
from xc.train import train

STEPS = 24


@pytest.fixture
def whole(store: ActivationStore, tmp_path: Path) -> dict[str, bytes]:
    """The run that nobody interrupts."""
    train(short(), store=store, run=RunLayout(tmp_path / "whole"), progress=Silent())
    return tree(tmp_path / "whole")


def until_done(store: ActivationStore, run: RunLayout) -> None:
    train(short(), store=store, run=run, progress=Silent())


class Snapshots(Silent):
    """Copies a run after every step: what a kill would leave there."""

    def __init__(self, run: RunLayout) -> None:
        self.run, self.step = run, 0

    def advance(self, amount: int, **figures: float) -> None:
        self.step += 1
        if self.step <= STEPS:
            shutil.copytree(self.run.root, self.run.root.with_name(f"killed-{self.step}"))


@pytest.mark.slow
def test_killed_after_any_step(
    store: ActivationStore, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    run = RunLayout(tmp_path / "run")
    train(short(), store=store, run=run, progress=Snapshots(run))
    assert tree(run.root) == whole
    for step in range(1, STEPS + 1):
        left = RunLayout(tmp_path / f"killed-{step}")
        assert not left.checkpoint.exists()
        until_done(store, left)
        assert tree(left.root) == whole, f"killed after step {step}"


def test_interrupted_after_any_step(
    store: ActivationStore, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    for step in range(1, STEPS + 1):
        run = RunLayout(tmp_path / f"stopped-{step}")
        with pytest.raises(KeyboardInterrupt):
            train(short(), store=store, run=run, progress=Stop(step, KeyboardInterrupt))
        until_done(store, run)
        assert tree(run.root) == whole, f"stopped after step {step}"


def test_stopped_after_every_single_step(
    store: ActivationStore, run: RunLayout, whole: dict[str, bytes]
) -> None:
    for _ in range(STEPS):
        with pytest.raises(KeyboardInterrupt):
            train(short(), store=store, run=run, progress=Stop(1, KeyboardInterrupt))
    until_done(store, run)
    assert tree(run.root) == whole


def test_an_interruption_saves_the_step_it_came_after(
    store: ActivationStore, run: RunLayout
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(short(), store=store, run=run, progress=Stop(7, KeyboardInterrupt))
    assert sorted(p.name for p in run.state.iterdir()) == ["step-000000000005", "step-000000000007"]


def test_the_last_two_states_are_kept(whole: dict[str, bytes]) -> None:
    states = {Path(name).parts[1] for name in whole if name.startswith("state/")}
    assert states == {"step-000000000020", "step-000000000024"}


def test_the_curve_has_each_step_once(whole: dict[str, bytes]) -> None:
    lines = [json.loads(line) for line in whole["metrics.jsonl"].splitlines()]
    assert [line["step"] for line in lines] == sorted({*range(3, 25, 3), *range(8, 25, 8)})


def test_a_finished_run_says_so_and_changes_nothing(store: ActivationStore, run: RunLayout) -> None:
    class Notes(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    notes: list[str] = []
    first = train(short(), store=store, run=run, progress=Silent())
    before = tree(run.root)
    again = train(short(), store=store, run=run, progress=Notes())
    assert (first.new_steps, again.new_steps) == (STEPS, 0)
    assert again.fve == first.fve
    assert tree(run.root) == before
    assert "nothing to do" in notes[-1]


def test_missing_parts_of_a_finished_run_are_written_again(
    store: ActivationStore, run: RunLayout
) -> None:
    until_done(store, run)
    before = tree(run.root)
    next(run.latents.glob("part-*")).unlink()
    (run.checkpoint / "config.json").unlink()
    until_done(store, run)
    assert tree(run.root) == before


def test_another_configuration_is_refused_by_name(store: ActivationStore, run: RunLayout) -> None:
    until_done(store, run)
    for values, message in (
        ({"k": 5}, "holds a run with k 4; asked for k 5; choose"),
        ({"k": 5, "d_sae": 48}, "holds a run with k 4; asked for k 5; choose"),
        ({"d_sae": 41, "lr": 0.5, "dead_after_tokens": 256}, "asked for d_sae 41, lr 0.5; choose"),
        ({"tokens": 9999, "seed": 1}, "asked for tokens 9999, seed 1; choose"),
    ):
        with pytest.raises(RequestError, match=message):
            train(short(**values), store=store, run=run, progress=Silent())
    train(short(resume=True, device="auto"), store=store, run=run, progress=Silent())


def test_starting_again_replaces_the_run(store: ActivationStore, run: RunLayout) -> None:
    until_done(store, run)
    run.evaluation.mkdir()
    report = train(short(k=5, resume=False), store=store, run=run, progress=Silent())
    assert report.new_steps == STEPS
    assert not run.evaluation.exists()


def test_other_activations_are_refused(
    store: ActivationStore, planted_store: ActivationStore, run: RunLayout
) -> None:
    until_done(store, run)
    with pytest.raises(RequestError, match="trained on other activations"):
        train(short(), store=planted_store, run=run, progress=Silent())


def stored_in(run: RunLayout) -> str:
    return str(yaml.safe_load(run.config.read_text())["store"])


def test_a_run_of_which_nothing_was_saved_may_take_another_store(
    store: ActivationStore, run: RunLayout, tmp_path: Path
) -> None:
    truth = planted.make_truth(40 * 32, widths=(16, 24), seed=3)
    other = planted.write_store(tmp_path / "other.zarr", truth, planted.make_plan(n_sequences=40))
    values = {"d_sae": None, "expansion_factor": 2}
    with pytest.raises(Crash):
        train(short(**values), store=store, run=run, progress=Stop(3, Crash))
    assert stored_in(run) == str(store.path)
    train(short(**values), store=other, run=run, progress=Silent())
    train(short(**values), store=other, run=(alone := RunLayout(tmp_path / "b")), progress=Silent())
    assert stored_in(run) == str(other.path)
    assert tree(run.root) == tree(alone.root)


def test_of_a_run_without_its_states_other_activations_are_refused(
    store: ActivationStore, planted_store: ActivationStore, run: RunLayout
) -> None:
    until_done(store, run)
    shutil.rmtree(run.state)
    with pytest.raises(RequestError, match="trained on other activations"):
        train(short(), store=planted_store, run=run, progress=Silent())


def test_a_store_that_was_moved_is_noted_where_it_is(
    store: ActivationStore, run: RunLayout, tmp_path: Path
) -> None:
    until_done(store, run)
    before = tree(run.root)
    moved = tmp_path / "moved.zarr"
    shutil.move(store.path, moved)
    until_done(ActivationStore.open(moved), run)
    assert stored_in(run) == str(moved)
    assert {k: v for k, v in tree(run.root).items() if before[k] != v}.keys() == {"config.yaml"}


def test_a_damaged_state_is_named(store: ActivationStore, run: RunLayout) -> None:
    until_done(store, run)
    (run.state / "step-000000000024" / "state.safetensors").write_bytes(b"short")
    with pytest.raises(DamageError, match="step-000000000024"):
        until_done(store, run)


def test_a_foreign_config_is_refused(store: ActivationStore, run: RunLayout) -> None:
    run.root.mkdir()
    run.config.write_text("hello\n")
    with pytest.raises(RequestError, match="no configuration of a run"):
        until_done(store, run)


@pytest.mark.parametrize("resume", [True, False])
def test_folders_of_other_things_are_left_alone(
    store: ActivationStore, run: RunLayout, resume: bool
) -> None:
    run.evaluation.mkdir(parents=True)
    (run.evaluation / "mine.txt").write_text("hello")
    with pytest.raises(RequestError, match=r"holds evaluation but no config\.yaml"):
        train(short(resume=resume), store=store, run=run, progress=Silent())
    run.config.write_text("hello\n")
    with pytest.raises(RequestError, match="no configuration of a run"):
        train(short(resume=resume), store=store, run=run, progress=Silent())
    assert tree(run.root) == {"config.yaml": b"hello\n", "evaluation/mine.txt": b"hello"}


def test_leftovers_of_a_kill_are_swept(store: ActivationStore, run: RunLayout) -> None:
    until_done(store, run)
    before = tree(run.root)
    for name in ("step-000000000015", ".step-000000000024.partial"):
        shutil.copytree(run.state / "step-000000000020", run.state / name)
    until_done(store, run)
    assert tree(run.root) == before
