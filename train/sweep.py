"""Several runs in one pass over a store: each batch is read once, and every run takes its step.

Each becomes the run that it would be alone, bit for bit. Runs that need other batches (sources,
rows, order, batch size) form groups of their own, which follow one another.

A run saves as it does alone, so that after a kill the runs of a group may stand at different steps.
The step of a run says where in the stream it is: those behind take their steps first, and once all
stand at one step they go on together.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from xc.store_schema import ActivationStore, NumericalError, Progress, RequestError, RunLayout
from xc.train import folder
from xc.train.config import TrainConfig
from xc.train.inputs import Inputs
from xc.train.interrupts import Interrupts
from xc.train.ran_with import ran_with
from xc.train.run import TrainReport, finish, open_stream
from xc.train.settle import device_of, settle
from xc.train.trackers import check_trackers
from xc.train.trainer import Trainer

_SHARED = (
    "sources",
    "keep",
    "drop_sinks",
    "batch_size",
    "window_mb",
    "window_reads",
    "shuffle_seed",
    "device",
)
"""Fields that runs on one stream have in common."""

T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """One run of a sweep."""

    name: str
    """What messages call it."""
    config: TrainConfig
    run: RunLayout
    """Where it is written."""


def groups(runs: Sequence[T], config_of: Callable[[T], TrainConfig]) -> list[list[T]]:
    """Those that can share batches, together; in the order of the first of each."""
    found: dict[tuple[object, ...], list[T]] = {}
    for run in runs:
        shared = tuple(getattr(config_of(run), name) for name in _SHARED)
        found.setdefault(shared, []).append(run)
    return list(found.values())


def sweep(
    members: Sequence[Member], *, store: ActivationStore, progress: Progress
) -> list[TrainReport]:
    """Train all members, publish them, and encode the held-out rows; in the order of the members.

    The same call goes on with what their folders hold, as `train` does for one.

    Raises:
        RequestError: if a folder holds another run, or the store lacks something.
        NumericalError: if the loss of a member is not finite; the others are trained to their end.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after saving all.
    """
    settled = [_settled(member, store) for member in members]
    for member in settled:
        _claim(member, store)
    reports: dict[str, TrainReport] = {}
    failed: dict[str, NumericalError] = {}
    parts = groups(settled, lambda member: member.config)
    for number, group in enumerate(parts, 1):
        if len(parts) > 1:
            progress.note(f"group {number} of {len(parts)}: {', '.join(m.name for m in group)}")
        done, broken = _train_group(group, store, progress)
        reports |= done
        failed |= broken
    if failed:
        raise NumericalError("; ".join(f"{name}: {error}" for name, error in failed.items()))
    return [reports[member.name] for member in settled]


def _settled(member: Member, store: ActivationStore) -> Member:
    try:
        check_trackers(member.config.track)
        config = settle(folder.with_window(member.run, member.config), store)
        return Member(member.name, config, member.run)
    except RequestError as error:
        raise RequestError(f"{member.name}: {error}") from error


def _claim(member: Member, store: ActivationStore) -> None:
    try:
        now = ran_with(device_of(member.config.device))
        folder.claim(member.run, member.config, store, now=now)
    except RequestError as error:
        raise RequestError(f"{member.name}: {error}") from error


def _train_group(
    group: Sequence[Member], store: ActivationStore, progress: Progress
) -> tuple[dict[str, TrainReport], dict[str, NumericalError]]:
    device = device_of(group[0].config.device)
    longest = max((member.config for member in group), key=lambda config: config.steps)
    with open_stream(longest, store, device=device) as stream:
        inputs = Inputs(store, stream)
        trainers = {
            m.name: Trainer(
                m.config, store=store, run=m.run, stream=stream, device=device, inputs=inputs
            )
            for m in group
        }
        before = {name: trainer.state.step for name, trainer in trainers.items()}
        failed = take_all_steps(trainers, progress)
    reports = {
        name: finish(trainer, trainer.state.step - before[name], progress)
        for name, trainer in trainers.items()
        if name not in failed
    }
    return reports, failed


def take_all_steps(
    trainers: Mapping[str, Trainer], progress: Progress
) -> dict[str, NumericalError]:
    """Train runs on one stream side by side to their ends; returns what went wrong, by name.

    Raises:
        KeyboardInterrupt: after saving all of them.
    """
    running = {name: t for name, t in trainers.items() if not t.state.finished}
    failed: dict[str, NumericalError] = {}
    if not running:
        return failed
    heard = _announce(running, progress)
    try:
        with Interrupts() as interrupts, ExitStack() as stack:
            for trainer in running.values():
                stack.enter_context(trainer.tracked())
            while running:
                failed |= _take_a_step(running, heard)
                if interrupts.asked:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        for name, trainer in running.items():
            trainer.save_interrupted(heard[name])
        raise
    progress.finish()
    return failed


def _take_a_step(
    running: dict[str, Trainer], heard: Mapping[str, Progress]
) -> dict[str, NumericalError]:
    """The runs that are furthest behind take one; those that end or fail are left out from then."""
    failed = {}
    step = min(trainer.state.step for trainer in running.values())
    for name, trainer in [(n, t) for n, t in running.items() if t.state.step == step]:
        try:
            trainer.one_step(heard[name])
        except NumericalError as error:
            failed[name] = error
            heard[name].note(f"stopped, the others go on: {error}")
        if name in failed or trainer.state.finished:
            del running[name]
    return failed


def _announce(running: Mapping[str, Trainer], progress: Progress) -> dict[str, Progress]:
    """Begin the bar of all; returns what listens to each."""
    figures: dict[str, dict[str, float]] = {}
    heard: dict[str, Progress] = {name: _Heard(name, figures, progress) for name in running}
    for name, trainer in running.items():
        trainer.announce(heard[name])
    longest = max(running.values(), key=lambda t: t.config.steps)
    longest.announce_rows(progress)
    size = longest.config.batch_size
    total = size * sum(t.state.schedule.steps for t in running.values())
    done = size * sum(t.state.step for t in running.values())
    progress.start(f"train {len(running)} runs", total, "tokens", done=done)
    return heard


class _Heard:
    """Progress of one run among several: notes under its name, figures beside the others'."""

    def __init__(self, name: str, figures: dict[str, dict[str, float]], all_: Progress) -> None:
        self._name, self._figures, self._all = name, figures, all_

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        """Leave the bar of all alone."""

    def advance(self, amount: int, **figures: float) -> None:
        """Move the bar of all; it shows the least and the largest fve."""
        self._figures[self._name] = figures
        known = [f["fve"] for f in self._figures.values() if "fve" in f]
        shown = {"fve_min": min(known), "fve_max": max(known)} if known else {}
        self._all.advance(amount, **shown)

    def note(self, text: str) -> None:
        """Say it under the run's name."""
        self._all.note(f"{self._name}: {text}")

    def finish(self) -> None:
        """Leave the bar of all alone."""
