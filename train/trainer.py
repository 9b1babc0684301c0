"""The loop over steps, and what happens between them: curve, validation, saving, stopping."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from xc.store_schema import (
    ActivationStore,
    NumericalError,
    Progress,
    RunLayout,
    to_mapping,
)
from xc.train import folder
from xc.train import state as states
from xc.train.config import TrainConfig
from xc.train.crosscoder import Crosscoder
from xc.train.curve import Curve
from xc.train.distributed import ALONE, Processes
from xc.train.figures import HeldOut, Validation, dead_fraction, train_line
from xc.train.guards import Guards, Outlook, settled_from
from xc.train.heldout import check_finite, heldout_rows
from xc.train.initial import initialise
from xc.train.inputs import Inputs
from xc.train.interrupts import Interrupts
from xc.train.kept import spread_rows
from xc.train.passes import choose, choose_step
from xc.train.schedules import schedule_of
from xc.train.seen import notes_on
from xc.train.settle import default_lr, empty_crosscoder
from xc.train.state import TrainState
from xc.train.step import Settings, StepReport
from xc.train.step_in_parts import Parts, take_step_in_parts
from xc.train.stream import Batch, ShuffledStream
from xc.train.trackers import Trackers


def settings_of(config: TrainConfig, crosscoder: Crosscoder) -> Settings:
    """What stays the same over all steps of a settled configuration."""
    forward = choose(
        crosscoder.activation,
        d_sae=crosscoder.d_sae,
        k=max(config.k, config.k_start or 0),
        device=crosscoder.b_dec.device,
        decoupled=crosscoder.decoupled,
        prefixes=config.matryoshka,
    )
    return Settings.of(config, forward=forward, widths=crosscoder.widths)


class Trainer:
    """One run, from the state it starts or goes on from to its last step."""

    def __init__(
        self,
        config: TrainConfig,
        *,
        store: ActivationStore,
        run: RunLayout,
        stream: ShuffledStream,
        device: torch.device,
        inputs: Inputs | None = None,
        processes: Processes = ALONE,
    ) -> None:
        """Start at step 0, or from the last saved state of the run.

        Args:
            config: settled.
            store: to train on.
            run: whose folder `folder.claim` has claimed.
            stream: of the store's train rows.
            device: to train on.
            inputs: of the same stream, where other runs read along.
            processes: that train it together; the first one writes it.
        """
        self.config, self.store, self.run, self.stream = config, store, run, stream
        self.processes = processes
        self.inputs = Inputs(store, stream) if inputs is None else inputs
        self.state = self._first_state(device)
        self.settings = settings_of(config, self.state.crosscoder)
        self._step = choose_step(self.state.crosscoder, self.settings)
        self._parts = Parts.of(config, self.state.crosscoder, processes)
        length = self._restore()
        self.curve = Curve(run.metrics, length=length) if processes.first else None
        self.guards = Guards(self.curve.lines() if self.curve is not None else ())
        self._trackers: Trackers | None = None
        rows = heldout_rows(store, config.sources, config.row_filter)
        rows = spread_rows(rows, config.validation_rows)
        self._held_out = HeldOut(self.inputs.held_out(self.state.crosscoder, config.sources, rows))
        self._figures: dict[str, float] = {}
        self._between_steps = True

    def train(self, progress: Progress) -> int:
        """Take the steps that are left; returns their number.

        Raises:
            NumericalError: if the loss is not finite.
            KeyboardInterrupt: after saving.
        """
        if self.state.finished:
            return 0
        first = self.state.step
        size = self.config.batch_size
        self.announce(progress)
        self.announce_rows(progress)
        progress.start("train", self.state.schedule.steps * size, "tokens", done=first * size)
        try:
            with Interrupts() as interrupts, self.tracked():
                while not self.state.finished:
                    self.one_step(progress)
                    if self.processes.any_of(interrupts.asked):
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            self.save_interrupted(progress)
            raise
        progress.finish()
        return self.state.step - first

    def validation(self) -> Validation:
        """Held-out figures of the crosscoder as it stands, measured by the first process."""
        return self.processes.from_first(self._validate)

    def _validate(self) -> Validation:
        crosscoder = self.state.crosscoder
        batch = None
        if crosscoder.activation.uses_threshold:
            batch = self._held_out.batch(
                crosscoder,
                self.settings.forward,
                k=self.state.schedule.k_at(self.state.step),
                size=self.config.batch_size // self.config.grad_accumulation,
            )
        return Validation(self._held_out.inference(crosscoder), batch)

    @contextmanager
    def tracked(self) -> Iterator[None]:
        """Tell the trackers of the steps that are taken meanwhile."""
        config = to_mapping(self.config)
        names = self.config.track if self.processes.first else ()
        step = self.state.step
        self._trackers = Trackers(names, run=self.run, config=config, step=step)
        try:
            yield
        finally:
            self._trackers.close()
            self._trackers = None

    def _first_state(self, device: torch.device) -> TrainState:
        config = self.config
        generator = torch.Generator().manual_seed(config.seed)
        crosscoder = empty_crosscoder(config, self.store).to(device)
        initialise(
            crosscoder,
            norm=config.init_norm,
            same=config.init_same,
            encoder=config.init_encoder,
            generator=generator,
        )
        return states.new_state(crosscoder, schedule_of(config, lr=config.lr or 0.0), generator)

    def _restore(self) -> int:
        """Go on from the last saved state, if there is one; returns the length of its curve."""
        steps = self.processes.from_first(lambda: states.saved_steps(self.run.state))
        if not steps:
            self._centre()
            self.processes.copy_from_first(*self.state.crosscoder.state_dict().values())
            return 0
        states.restore(self.state, self.run.state, steps[-1])
        if self.processes.first:
            folder.prune_states(self.run, step=steps[-1], every=self.config.save_every)
        return int(states.load_values(self.run.state, steps[-1])["metrics_bytes"])

    def _centre(self) -> None:
        at = self.config.init_decoder_bias
        if at != "zero":
            batch, _ = self.inputs.batch(self.state.position, self.config.batch_size)
            self.inputs.centre(self.state.crosscoder, batch, at=at)

    def one_step(self, progress: Progress) -> None:
        """Take the next step, and what is due after it.

        Raises:
            NumericalError: if the loss is not finite.
        """
        state = self.state
        batch = self._batch()
        x = self.inputs.normalised(state.crosscoder, batch)
        self._between_steps = False
        if self._parts is None:
            report = self._step(state, x, self.settings)
        else:
            report = take_step_in_parts(state, x, self.settings, self._parts)
        if not math.isfinite(report.loss):
            self.processes.agree(self._found_in(x, batch.rows))
            raise NumericalError(self._not_finite(report))
        shuffle = self.stream.shuffle
        state.position = shuffle.advance(state.position, self.config.batch_size)
        self._write_line(x, report, progress)
        self._between_steps = True
        if state.step % self.config.save_every == 0 or state.finished:
            self._save()
        progress.advance(self.config.batch_size, loss=report.loss, **self._figures)

    def _batch(self) -> Batch:
        """This process' rows of the next batch."""
        start, n = self.processes.share_of(self.config.batch_size)
        position = self.stream.shuffle.advance(self.state.position, start)
        return self.inputs.batch(position, n)[0]

    def _found_in(self, x: torch.Tensor, rows: np.ndarray) -> NumericalError | None:
        """What is wrong with a batch."""
        try:
            check_finite(x, rows, self.state.crosscoder, self.store)
        except NumericalError as error:
            return error
        return None

    def _write_line(self, x: torch.Tensor, report: StepReport, progress: Progress) -> None:
        state, config = self.state, self.config
        values: dict[str, float | str] = {}
        if state.step % config.log_every == 0 or state.finished:
            line = train_line(
                state,
                x,
                report,
                dead_after=self.settings.dead_after_tokens,
                processes=self.processes,
            )
            self._figures = {"l0": line["train/l0"], "fve": line["train/fve"]}
            values |= line
        if state.step % config.validate_every == 0 or state.finished:
            found = self.validation()
            values |= found.line()
            values |= self._warn(found, progress) if self.processes.first else {}
            self._maybe_wind_down(found, progress)
        if values and self.curve is not None:
            values = {"step": state.step, "tokens": state.step * config.batch_size, **values}
            self.curve.add(values)
            if self._trackers is not None:
                self._trackers.log(values)

    def _warn(self, found: Validation, progress: Progress) -> dict[str, str]:
        """Say what a guard has to say for the first time; returned for the curve."""
        warnings = self.guards.look(
            Outlook(
                step=self.state.step,
                settled_from=settled_from(
                    steps=self.state.schedule.steps, k_anneal_steps=self.config.k_anneal_steps
                ),
                dead_fraction=dead_fraction(self.state, dead_after=self.settings.dead_after_tokens),
                l0=found.inference.l0,
                batch_l0=None if found.batch is None else found.batch.l0,
                fve=found.inference.fve.per_source,
                best_fve=self.guards.best_fve,
                lr=self.config.lr or 0.0,
                usual_lr=default_lr(self.state.crosscoder.d_sae),
            )
        )
        for text in warnings.values():
            progress.note(f"warning: {text}")
        return warnings

    def _maybe_wind_down(self, found: Validation, progress: Progress) -> None:
        target = self.config.until_fve
        if target is None or min(found.inference.fve.per_source) < target or self.state.finished:
            return
        shorter = self.state.schedule.wind_down(self.state.step)
        if shorter != self.state.schedule:
            self.state.schedule = shorter
            progress.note(
                f"fve of every source reached {target:g} at step {self.state.step}; "
                f"the learning rate decays to the end, step {shorter.steps}"
            )

    def _save(self) -> None:
        if not all(bool(torch.isfinite(p).all()) for p in self.state.crosscoder.parameters()):
            raise NumericalError(f"the weights are not finite at {self._whereabouts()}")
        if self.curve is None:
            return
        about = {"store_fingerprint": self.store.fingerprint_of(self.config.sources)}
        states.save(self.state, self.run.state, metrics_bytes=self.curve.length, about=about)
        folder.prune_states(self.run, step=self.state.step, every=self.config.save_every)

    def save_interrupted(self, progress: Progress) -> None:
        """Save between two scheduled saves, unless a step was cut off in its middle."""
        if self._between_steps and self.state.step > 0:
            self._save()
            progress.note(
                f"saved at step {self.state.step} of {self.state.schedule.steps}; "
                "the same command goes on from there"
            )

    def announce(self, progress: Progress) -> None:
        """Say where the run stands."""
        state = self.state
        if state.step:
            progress.note(f"going on from step {state.step} of {state.schedule.steps}")

    def announce_rows(self, progress: Progress) -> None:
        """Say which rows it is trained on, and how often each is seen."""
        config = self.config
        total = sum(b - a for a, b in self.store.splits["train"])
        if self.stream.n_rows < total:
            progress.note(
                f"training on {self.stream.n_rows:,} of {total:,} train rows "
                f"({config.row_filter.words})"
            )
        for note in notes_on(self.stream):
            progress.note(note)
        epochs = config.steps * config.batch_size / self.stream.n_rows
        if epochs > 1:
            progress.note(
                f"{config.steps * config.batch_size:,} tokens are {epochs:.1f} times the store's "
                f"{self.stream.n_rows:,} train rows: they are seen in as many epochs, each shuffled"
            )

    def _not_finite(self, report: StepReport) -> str:
        terms = ", ".join(f"{name} {float(part):g}" for name, part in report.parts.items())
        return f"the loss is {report.loss} ({terms}) at {self._whereabouts()}"

    def _whereabouts(self) -> str:
        steps = states.saved_steps(self.run.state)
        where = f"{states.state_folder(self.run.state, steps[-1])}" if steps else "none yet"
        return f"step {self.state.step}; the last good state: {where}; try a lower lr or clip_norm"
