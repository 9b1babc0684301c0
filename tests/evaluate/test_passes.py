"""Kept sums: what is there is not read again, what was killed goes on, what is stale goes."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pytest
from dying_metrics import evaluate_and_die, evaluate_and_die_at
from measured import SMALL, SOME, Case
from twinned import with_twins

from xc.evaluate import METRICS, EvaluateConfig, run
from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.graph import BlockGroups, GroupTotals
from xc.evaluate.measuring import stages_of
from xc.evaluate.metrics import frequency, fve, l0
from xc.evaluate.passes import Passes
from xc.evaluate.reductions import label_of
from xc.evaluate.spliced_metrics import SPLICED
from xc.evaluate.task_graph import Carried
from xc.evaluate.telling import INTERVALS, VALUES
from xc.store_schema import ActivationStore, DamageError, LatentTable, Silent
from xc.store_schema.verify_run import verify_run

MakeCase = Callable[..., Case]


@dataclass
class Read:
    """What evaluations read of the rows."""

    blocks: list[tuple[Range, set[str]]] = field(default_factory=list)
    """Blocks that metrics are summed up over, with the labels that it is for."""
    latents: list[Range] = field(default_factory=list)
    """Rows of the latent table, by whomever they are read."""
    activations: list[str] = field(default_factory=list)
    """Sources whose activations are opened."""

    @property
    def labels(self) -> set[str]:
        """For which blocks were read."""
        return {label for _, labels in self.blocks for label in labels}

    @property
    def rows(self) -> int:
        """Rows that metrics are summed up over."""
        return sum(b - a for (a, b), _ in self.blocks)

    @property
    def anything(self) -> bool:
        """Whether any row was read at all."""
        return bool(self.blocks or self.latents or self.activations)

    def clear(self) -> None:
        for each in (self.blocks, self.latents, self.activations):
            each.clear()


SMALLER = {"block_rows": 8, "tile_rows": 8}
"""Settings that give stages of several blocks."""


class Told(Silent):
    """Remembers notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


Before = Carried[GroupTotals] | None


class StoppedError(Exception):
    """Stands for a kill."""


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """All that is read from here on."""
    seen = Read()
    plain, csr, activations = BlockGroups.__call__, LatentTable.csr, ActivationStore.activations

    def summed(self: BlockGroups, block: Range, before: Before = None) -> GroupTotals:
        totals = plain(self, block, before)
        seen.blocks.append((block, set().union(*totals.values())))
        return totals

    def latents(self: LatentTable, start: int, stop: int) -> object:
        seen.latents.append((start, stop))
        return csr(self, start, stop)

    def opened(self: ActivationStore, key: str) -> object:
        seen.activations.append(key)
        return activations(self, key)

    monkeypatch.setattr(BlockGroups, "__call__", summed)
    monkeypatch.setattr(LatentTable, "csr", latents)
    monkeypatch.setattr(ActivationStore, "activations", opened)
    return seen


@pytest.fixture
def made(make_case: MakeCase) -> Case:
    return make_case()


def test_stages_are_of_several_blocks(made: Case) -> None:
    blocks = cut_all(made.store.blocks("heldout"), SMALLER["block_rows"])
    assert min(map(len, stages_of(blocks))) >= 2


def bytes_of(case: Case) -> dict[str, bytes]:
    run = case.run
    files = (run.summary, run.latents_parquet, run.examples, run.twins, run.nu_curves)
    return {path.name: path.read_bytes() for path in files}


def with_version(number: int) -> list[object]:
    return [replace(m, version=number) if m.name == "l0" else m for m in METRICS]


def test_what_is_kept_is_not_read_again(made: Case, read: Read) -> None:
    made.evaluate()
    assert read.rows == sum(b - a for a, b in made.store.splits["heldout"])
    read.clear()
    made.evaluate(seed=1, bootstrap=7)
    assert not read.anything


def test_a_metric_that_comes_later_costs_its_own_pass(made: Case, read: Read) -> None:
    made.evaluate(metrics=("fve",))
    before = read.labels
    assert before == {label_of(fve.METRIC)}
    read.clear()
    made.evaluate()
    after = read.labels
    assert label_of(l0.METRIC) in after
    assert not before & after
    read.clear()
    made.evaluate(metrics=("l0",))
    made.evaluate(seed=3)
    assert not read.anything


def test_a_new_version_of_a_metric_is_all_that_is_read(
    made: Case, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.evaluate()
    read.clear()
    monkeypatch.setattr(run, "_TABLE", (*with_version(2), *SPLICED))
    made.evaluate(seed=1)
    label = label_of(replace(l0.METRIC, version=2))
    assert read.labels == {label}
    assert read.activations == []  # neither by it nor by anything else
    assert label in Passes(next(made.run.passes.iterdir())).held(None)


@pytest.mark.parametrize(
    ("scheduler", "after"),
    [("sync", 1), ("threads", 9), pytest.param("sync", 7, marks=pytest.mark.slow)],
)
def test_an_interrupted_pass_goes_on(
    made: Case, read: Read, monkeypatch: pytest.MonkeyPatch, scheduler: str, after: int
) -> None:
    noted, begun = BlockGroups.__call__, []

    def stop(self: BlockGroups, block: Range, before: Before = None) -> GroupTotals:
        begun.append(block)
        if len(begun) > after:
            raise StoppedError
        return noted(self, block, before)

    with monkeypatch.context() as patched:
        patched.setattr(BlockGroups, "__call__", stop)
        with pytest.raises(StoppedError):
            made.evaluate(scheduler=scheduler, **SMALLER)
    folder = next(made.run.passes.iterdir(), None) if made.run.passes.is_dir() else None
    kept = len({path.name[:10] for path in folder.glob("stage-*")}) if folder else 0
    first = {block for block, _ in read.blocks}
    read.clear()
    made.evaluate(scheduler=scheduler, **SMALLER)
    again = first & {block for block, _ in read.blocks}
    assert len(first) - len(again) >= 2 * kept > 0 or after == 1
    found = bytes_of(made)
    for path in (made.run.summary, *made.run.passes.rglob("*.npz")):
        path.unlink()
    made.evaluate(scheduler="sync", **SMALLER)
    assert bytes_of(made) == found


@pytest.mark.slow
def test_a_killed_process_leaves_whole_stages_and_is_continued(made: Case, read: Read) -> None:
    config = EvaluateConfig(**{**SMALL, **SMALLER, "scheduler": "sync"})  # type: ignore[arg-type]
    arguments = (made.store.path, made.run.root, config, 12)
    process = get_context("spawn").Process(target=evaluate_and_die, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    made.evaluate(scheduler="sync", **SMALLER)
    kept = [
        labels == {label_of(l0.METRIC)} for _, labels in read.blocks
    ]  # the one that died was another
    assert 0 < sum(kept) < len(kept)
    assert kept == sorted(kept, reverse=True)
    assert not list(made.run.passes.rglob("*.partial"))
    found = bytes_of(made)
    made.run.summary.unlink()
    shutil.rmtree(made.run.passes)
    made.evaluate(scheduler="sync", **SMALLER)
    assert bytes_of(made) == found


@pytest.mark.slow
@pytest.mark.parametrize(("title", "far"), [(VALUES, 30), (INTERVALS, 15)])
def test_what_was_killed_behind_its_passes_reads_no_row_again(
    made: Case, read: Read, title: str, far: int
) -> None:
    config = EvaluateConfig(**{**SMALL, **SMALLER, "scheduler": "sync"})  # type: ignore[arg-type]
    arguments = (made.store.path, made.run.root, config, title, far)
    process = get_context("spawn").Process(target=evaluate_and_die_at, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not made.run.summary.exists()
    made.evaluate(scheduler="sync", **SMALLER)
    assert not read.blocks
    assert (not read.anything) == (title == INTERVALS)  # else examples were still to be found
    found = bytes_of(made)
    made.run.summary.unlink()
    shutil.rmtree(made.run.passes)
    made.evaluate(scheduler="sync", **SMALLER)
    assert read.blocks
    assert bytes_of(made) == found


TWINS = "comparing twins"
EXAMPLES = "finding examples"
QUICK: dict[str, Any] = {**SOME, **SMALLER, "twin_cosine": 0.9}
"""A few metrics, with what examples and twins need."""


class Looked(Silent):
    """Remembers over how many rows what is looked for; stops when a bar has moved so far."""

    def __init__(self, stop: str = "", far: int = 0) -> None:
        self.rows: dict[str, int] = {}
        self._stop, self._left, self._here = stop, far, ""

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self._here = title
        if unit == "rows":
            self.rows[title] = total

    def advance(self, amount: int, **figures: float) -> None:
        self._left -= amount if self._here == self._stop else 0
        if self._here == self._stop and self._left <= 0:
            raise StoppedError


@pytest.fixture
def twinned(make_case: MakeCase) -> Case:
    return make_case(mend=with_twins)


def looked(case: Case, stop: str = "", **settings: object) -> dict[str, int]:
    """Over how many rows an evaluation looks for what; it stops halfway through this, if named."""
    progress = Looked(stop, rows_of(case) // 2)
    with pytest.raises(StoppedError) if stop else nullcontext():
        case.evaluate(progress=progress, **{**QUICK, **settings})
    return progress.rows


def rows_of(case: Case) -> int:
    return sum(b - a for a, b in case.store.splits["heldout"])


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_what_is_stopped_among_examples_and_twins_goes_on(
    twinned: Case, read: Read, scheduler: str
) -> None:
    every = rows_of(twinned)
    looked(twinned, EXAMPLES, scheduler=scheduler)
    read.clear()
    second = looked(twinned, TWINS, scheduler=scheduler)
    assert second.keys() == {EXAMPLES, TWINS}
    assert 0 < second[EXAMPLES] < every == second[TWINS]
    last = looked(twinned, scheduler=scheduler)
    assert last.keys() == {TWINS}
    assert 0 < last[TWINS] < every
    assert not read.blocks
    assert not read.activations
    assert not list(twinned.run.passes.rglob("stage-*"))
    found = bytes_of(twinned)
    twinned.run.summary.unlink()
    shutil.rmtree(twinned.run.passes)
    assert looked(twinned) == {"measuring": every, EXAMPLES: every, TWINS: every}
    assert bytes_of(twinned) == found


def test_examples_and_twins_are_looked_for_where_a_setting_is_about_them(
    twinned: Case, read: Read
) -> None:
    looked(twinned)
    read.clear()
    assert looked(twinned, bootstrap=7) == {}
    assert not read.anything
    assert looked(twinned, metrics=("l0",)).keys() == {"measuring"}
    assert looked(twinned) == {}  # what another choice of metrics did not ask for is still there
    read.clear()
    assert looked(twinned, seed=5).keys() == {TWINS}  # other false ones are drawn
    assert looked(twinned, seed=5, examples=3).keys() == {EXAMPLES}
    assert looked(twinned, seed=5, examples=3, bootstrap=9) == {}
    assert not read.blocks
    assert not read.activations
    labels = Passes(folders(twinned)[0]).held(None)
    assert sum(label.startswith(("examples:", "twins:")) for label in labels) == 2  # the last ones


def assert_read_anew(before: Case, now: Case, read: Read, tmp_path: Path) -> None:
    """A case took the place of one that was evaluated: it is measured as if that had never been."""
    first, rows = before.run.summary.read_bytes(), read.rows
    read.clear()
    now.evaluate()
    assert read.rows == rows > 0
    assert bytes_of(now)["summary.json"] != first
    fresh = replace(now, run=planted.write_run(tmp_path / "fresh", now.checkpoint, now.store))
    fresh.evaluate()
    assert bytes_of(now) == bytes_of(fresh)
    assert len(folders(now)) == 1  # sums of what is gone are gone


def test_another_checkpoint_in_its_place_is_measured_anew(
    made: Case, read: Read, tmp_path: Path
) -> None:
    """Its decoder is longer, its latents are the same: nothing but the checkpoint tells."""
    made.evaluate()
    longer = tuple(w * np.float32(1.1) for w in made.checkpoint.W_dec)
    checkpoint = replace(made.checkpoint, W_dec=longer)
    shutil.rmtree(made.run.latents)
    planted.write_run(made.run.root, checkpoint, made.store)
    assert_read_anew(made, replace(made, checkpoint=checkpoint), read, tmp_path)


def test_another_store_in_its_place_is_measured_anew(
    make_case: MakeCase, read: Read, tmp_path: Path
) -> None:
    """Of the same shape, text and rows; the checkpoint is the same and does not say of which."""
    made = make_case(mend=lambda checkpoint: replace(checkpoint, store_fingerprint=None))
    made.evaluate()
    for folder in (made.store.path, made.run.latents):
        shutil.rmtree(folder)
    store = planted.write_store(made.store.path, made.truth, planted.make_plan(), noise=0.3)
    assert store.n_rows == made.store.n_rows
    planted.write_run(made.run.root, made.checkpoint, store)
    assert_read_anew(made, replace(made, store=store), read, tmp_path)


def test_sums_of_other_settings_go(made: Case) -> None:
    made.evaluate(metrics=("l0",))
    before = folders(made)
    made.evaluate(metrics=("l0",), groups=5)
    after = folders(made)
    assert len(before) == len(after) == 1
    assert before != after
    told = made.run.summary.stat().st_mtime_ns
    made.evaluate(metrics=("l0",), groups=5, keep_passes=False)
    assert not made.run.passes.exists()
    assert made.run.summary.stat().st_mtime_ns == told
    made.evaluate(metrics=("l0",), keep_passes=False)
    assert not made.run.passes.exists()


def folders(case: Case) -> list[Path]:
    return sorted(case.run.passes.iterdir())


def test_only_what_intervals_need_stays_apart_by_group(made: Case, read: Read) -> None:
    made.evaluate()
    passes = Passes(next(made.run.passes.iterdir()))
    assert label_of(fve.METRIC) in passes.held(3)
    assert label_of(l0.METRIC) in passes.held(None)
    assert not passes.held(3).keys() & passes.held(None).keys()
    read.clear()
    made.evaluate(metrics=("beta_error", "max_activation"))  # no number: nothing by group
    made.evaluate(metrics=("nu_error", "n_dead"))
    made.evaluate(seed=3)
    assert not read.anything


def test_what_is_needed_by_group_later_is_read_again(made: Case, read: Read) -> None:
    made.evaluate(metrics=("frequency", "max_activation"))
    made.evaluate(metrics=("max_activation",))
    read.clear()
    made.evaluate(metrics=("max_activation", "n_dead"))
    assert read.labels <= {label_of(frequency.METRIC)}


def test_files_of_nothing_that_is_known_go(tmp_path: Path) -> None:
    passes = Passes(tmp_path / "passes" / "here")
    sums = {"a": np.arange(3.0)}
    passes.save({"old:1": sums}, 0)
    passes.save({"new:1": sums, "empty:1": {}}, 0)
    assert set(passes.held(0)) == {"old:1", "new:1", "empty:1"}
    assert passes.held(1) == {}
    passes.forget_others(["new:1"])
    assert set(passes.held(0)) == {"new:1", "empty:1"}
    found = passes.load(["new:1", "empty:1"], 0)
    np.testing.assert_array_equal(found["new:1"]["a"], sums["a"])
    assert found["empty:1"] == {}


def spoilt(file: Path) -> Iterator[bytes]:
    whole = file.read_bytes()
    yield whole[: len(whole) // 2]
    yield b""
    yield b"nothing of the kind"

    yield whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]


def test_damaged_files_are_told_once_and_renewed(made: Case) -> None:
    asked = {"metrics": ("l0", "fve"), "seed": 1}
    expected = made.evaluate(**asked).summary
    folder = folders(made)[0]
    files = [*sorted(folder.glob("group*"))[-3:], *folder.glob("all*")]
    assert len(files) == 4
    for kind, file in enumerate(files):
        file.write_bytes(list(spoilt(file))[kind])
    made.run.summary.unlink()
    told = Told()
    assert made.evaluate(progress=told, **asked).summary == expected
    assert [text for text in told.notes if "damaged" in text] == [told.notes[-1]]
    assert "damaged (4 files)" in told.notes[-1]
    files[0].write_bytes(b"")
    made.run.summary.unlink()
    made.evaluate(progress=told, **asked)
    assert "damaged (1 file)" in told.notes[-1]


def test_damage_underway_is_told(tmp_path: Path) -> None:
    passes = Passes(tmp_path)
    passes.save({"a:1": {"a": np.arange(3.0)}}, 0)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"broken")
    with pytest.raises(DamageError, match="run `xc evaluate` again"):
        passes.load(["a:1"], 0)
    assert not file.exists()


def test_the_run_is_still_whole(made: Case) -> None:
    made.evaluate()
    (made.run.root / "config.yaml").write_text("seed: 0\n")
    (made.run.root / "metrics.jsonl").write_text("")
    assert verify_run(made.run.root, store=made.store) == []
