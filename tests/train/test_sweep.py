"""Sweeps: every member is the run that it would be alone, wherever the sweep was stopped."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stopping import Crash, Stop, kill_at
from training import short, tree

from xc.store_schema import ActivationStore, NumericalError, RequestError, RunLayout, Silent
from xc.train import train
from xc.train.stream import ShuffledStream
from xc.train.sweep import Member, groups, sweep

VALUES: dict[str, dict[str, object]] = {
    "k=4": {},
    "k=2,seed=3": {"k": 2, "seed": 3},
    "sparsity=l1": {"sparsity": "l1", "save_every": 7},
    "normalisation=rms": {"normalisation": "rms", "centre": True, "tokens": 15 * 64},
}
"""Two normalisations, two lengths, two rhythms of saving: all on one stream."""


def members(root: Path, values: dict[str, dict[str, object]] = VALUES) -> list[Member]:
    return [Member(n, short(**v), RunLayout(root / n)) for n, v in values.items()]


@pytest.fixture
def alone(store: ActivationStore, tmp_path: Path) -> dict[str, dict[str, bytes]]:
    """Each trained by itself."""
    found = {}
    for member in members(tmp_path / "alone"):
        train(member.config, store=store, run=member.run, progress=Silent())
        found[member.name] = tree(member.run.root)
    return found


def trees(root: Path) -> dict[str, dict[str, bytes]]:
    return {name: tree(root / name) for name in VALUES}


class Watch(Silent):
    """Records what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.titles: list[tuple[str, int, int]] = []
        self.moved = 0
        self.figures: dict[str, float] = {}

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.titles.append((title, total, done))

    def advance(self, amount: int, **figures: float) -> None:
        self.moved += amount
        self.figures |= figures

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_members_are_the_runs_they_would_be_alone(
    store: ActivationStore, tmp_path: Path, alone: dict[str, dict[str, bytes]]
) -> None:
    watch = Watch()
    reports = sweep(members(tmp_path / "s"), store=store, progress=watch)
    assert trees(tmp_path / "s") == alone
    assert [(r.steps, r.new_steps) for r in reports] == [(24, 24), (24, 24), (24, 24), (15, 15)]
    assert [r.unique_rows for r in reports] == [1316, 1316, 1316, 15 * 64]
    assert watch.titles[0] == ("train 4 runs", 87 * 64, 0)
    assert {"fve_min", "fve_max"} <= set(watch.figures)
    again = sweep(members(tmp_path / "s"), store=store, progress=watch)
    assert [r.new_steps for r in again] == [0] * 4
    assert trees(tmp_path / "s") == alone


@pytest.mark.slow
@pytest.mark.parametrize("error", [Crash, KeyboardInterrupt])
def test_stopped_after_any_step_of_any_member(
    store: ActivationStore,
    tmp_path: Path,
    alone: dict[str, dict[str, bytes]],
    error: type[BaseException],
) -> None:
    for after in (2, 18, 41, 61, 87):
        root = tmp_path / f"stopped-{after}"
        with pytest.raises(error):
            sweep(members(root), store=store, progress=Stop(after, error))
        sweep(members(root), store=store, progress=Silent())
        assert trees(root) == alone, f"stopped after {after} steps of members"


def test_a_member_that_lies_behind_catches_up(
    store: ActivationStore, tmp_path: Path, alone: dict[str, dict[str, bytes]]
) -> None:
    root = tmp_path / "s"
    late, *others = members(root)
    sweep(others, store=store, progress=Silent())
    with pytest.raises(Crash):
        train(late.config, store=store, run=late.run, progress=Stop(12, Crash))
    sweep(members(root), store=store, progress=Silent())
    assert trees(root) == alone


def test_each_batch_is_read_once(
    store: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    batch = ShuffledStream.batch

    def counted(self, position, n):  # type: ignore[no-untyped-def]
        read.append(position)
        return batch(self, position, n)

    monkeypatch.setattr(ShuffledStream, "batch", counted)
    sweep(members(tmp_path / "s"), store=store, progress=Silent())
    assert len(read) == len(set(read)) == 24


def test_an_early_end_of_one_member(store: ActivationStore, tmp_path: Path) -> None:
    common = {"tokens": 120 * 64, "lr": 5e-3, "init_norm": 1.0}
    values = {
        "early": {**common, "until_fve": 0.1},
        "full": {**common, "until_fve": 0.9999},
    }
    found = sweep(members(tmp_path / "s", values), store=store, progress=Silent())
    assert found[0].steps < found[1].steps == 120
    for name, of in values.items():
        run = RunLayout(tmp_path / "alone" / name)
        train(short(**of), store=store, run=run, progress=Silent())
        assert tree(run.root) == tree(tmp_path / "s" / name)


def test_a_member_that_explodes_leaves_the_others_alone(
    store: ActivationStore, tmp_path: Path, alone: dict[str, dict[str, bytes]]
) -> None:
    values = {**VALUES, "wild": {"sparsity": "l1", "l1_coeff": 3e38, "l1_warmup": 1.0}}
    watch = Watch()
    for _ in range(2):
        with pytest.raises(NumericalError, match=r"^wild: .*last good state"):
            sweep(members(tmp_path / "s", values), store=store, progress=watch)
    assert trees(tmp_path / "s") == alone
    assert any(note.startswith("wild: stopped, the others go on") for note in watch.notes)


def test_runs_on_other_batches_form_groups(store: ActivationStore, tmp_path: Path) -> None:
    values: dict[str, dict[str, object]] = {
        f"batch_size={b},shuffle_seed={s},k={k}": {"batch_size": b, "shuffle_seed": s, "k": k}
        for b, s, k in itertools.product((64, 32), (0, 1), (2, 4))
    }
    found = groups(members(tmp_path, values), lambda member: member.config)
    assert [len(g) for g in found] == [2, 2, 2, 2]
    watch = Watch()
    reports = sweep(members(tmp_path, values), store=store, progress=watch)
    assert [r.run.name for r in reports] == list(values)
    assert [r.steps for r in reports] == [24] * 4 + [48] * 4
    assert sum("group" in note for note in watch.notes) == 4


def test_nothing_is_trained_if_one_member_is_refused(
    store: ActivationStore, tmp_path: Path
) -> None:
    train(short(k=7), store=store, run=RunLayout(tmp_path / "k=4"), progress=Silent())
    with pytest.raises(RequestError, match=r"k=4: .*holds a run with k 7"):
        sweep(members(tmp_path), store=store, progress=Silent())
    with pytest.raises(RequestError, match="k=50: k is 50, but there are 40 latents"):
        sweep(members(tmp_path, {"k=50": {"k": 50}}), store=store, progress=Silent())
    assert not list(tmp_path.glob("*/state/step-000000000005"))[1:]


SCRIPT = """
import sys
import time
from pathlib import Path
sys.path[:0] = {paths!r}
import torch
torch.set_num_threads(1)
from training import short
from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.train.sweep import Member, sweep
store, root = ActivationStore.open(sys.argv[1]), Path(sys.argv[2])
values = dict(tokens=150 * 64, save_every=37)
members = [
    Member(f"k={{k}}", short(k=k, **values), RunLayout(root / f"k={{k}}")) for k in (2, 3, 4)
]
class Slow(Silent):
    def advance(self, amount, **figures):
        time.sleep(float(sys.argv[3]))
sweep(members, store=store, progress=Slow())
"""


@pytest.mark.slow
def test_killed_at_random_moments(store: ActivationStore, tmp_path: Path) -> None:
    code = SCRIPT.format(paths=[p for p in sys.path if p])

    def spawn(root: Path, pause: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", code, str(store.path), str(root), str(pause)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    killed = tmp_path / "killed"
    for lines, number in ((20, signal.SIGKILL), (35, signal.SIGTERM)):
        # Steps wait, so that none is through them all before this process has seen the line.
        assert kill_at(spawn(killed, 0.02), killed / "k=3", lines, number) < 0
    assert spawn(killed, 0).wait(timeout=600) == 0
    whole = {f"k={k}": {"k": k, "tokens": 150 * 64, "save_every": 37} for k in (2, 3, 4)}
    sweep(members(tmp_path / "whole", whole), store=store, progress=Silent())
    for name in whole:
        assert tree(killed / name) == tree(tmp_path / "whole" / name)
