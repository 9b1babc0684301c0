"""Training as a stage: go on where the run folder stands, save, publish, encode."""

from dataclasses import dataclass
from pathlib import Path

import torch

from xc.store_schema import (
    ActivationStore,
    LatentTableWriter,
    Progress,
    RowFilter,
    RunLayout,
    Silent,
)
from xc.train import folder
from xc.train.config import TrainConfig
from xc.train.crosscoder import Crosscoder
from xc.train.distributed import check_shares, joined, local_device
from xc.train.figures import source_names
from xc.train.heldout import write_latents
from xc.train.ran_with import ran_with
from xc.train.seen import seen
from xc.train.settle import device_of, settle
from xc.train.stream import ShuffledStream
from xc.train.trackers import check_trackers
from xc.train.trainer import Trainer


@dataclass(frozen=True)
class TrainReport:
    """What a training run came to."""

    run: Path
    steps: int
    """Steps of the run in all."""
    tokens: int
    """Tokens trained on in all."""
    unique_rows: int
    """Rows of the store among them: an epoch shows each once."""
    epochs: float
    """The same in units of the store's train rows."""
    new_steps: int
    """Steps that this call took; 0 if the run was finished before."""
    fve: dict[str, float]
    """Validation fve by source suffix (a, b, …) at the end."""
    l0: float
    """Validation l0 at the end."""


def train(
    config: TrainConfig, *, store: ActivationStore, run: RunLayout, progress: Progress
) -> TrainReport:
    """Train a crosscoder on a store, publish it, and encode the held-out rows.

    The same call goes on with what the run folder holds: bit for bit the run that was never
    interrupted, on the same machine with the same number of threads, and of processes. Processes
    that torchrun or `xc train --distributed` started together train one run.

    Args:
        config: from `TrainConfig.resolve`.
        store: complete, with train and held-out rows.
        run: where everything is written.
        progress: is told of steps (loss, l0, fve) and of encoding.

    Raises:
        RequestError: if the run folder holds another run, or the store lacks something.
        NumericalError: if the loss or a stored activation is not finite.
        KeyboardInterrupt: on Ctrl-C or SIGTERM, after saving.
    """
    check_trackers(config.track)
    device = device_of(local_device(config.device))
    asked = config
    with joined(device) as processes:
        # On several machines only the first one's memory decides the window, and so the order.
        config = processes.from_first(lambda: settle(folder.with_window(run, asked), store))
        check_shares(config.batch_size, processes=processes, parts=config.grad_accumulation)
        now = ran_with(device, processes=processes.size)
        processes.from_first(lambda: folder.claim(run, config, store, now=now))
        told = progress if processes.first else Silent()
        if processes.size > 1:
            told.note(
                f"{processes.size} processes share each batch, "
                f"{config.batch_size // processes.size:,} tokens each"
            )
        with open_stream(config, store, device=device) as stream:
            trainer = Trainer(
                config, store=store, run=run, stream=stream, device=device, processes=processes
            )
            new_steps = trainer.train(told)
        return finish(trainer, new_steps, told)


def finish(trainer: Trainer, new_steps: int, progress: Progress) -> TrainReport:
    """Publish a run that has taken its steps, and say what it came to.

    Of several processes, the first one publishes.
    """
    config, run = trainer.config, trainer.run
    last = trainer.validation()
    found = seen(trainer.stream, trainer.state.step * config.batch_size)
    if trainer.processes.first:
        found.write(run)
        written = publish(
            trainer.state.crosscoder,
            store=trainer.store,
            run=run,
            progress=progress,
            row_filter=config.row_filter,
        )
        if not new_steps and not written:
            progress.note(f"{run.root} is finished ({trainer.state.step} steps); nothing to do")
    fve = last.inference.fve.per_source
    return TrainReport(
        run=run.root,
        steps=trainer.state.step,
        tokens=found.tokens,
        unique_rows=found.unique_rows,
        epochs=found.epochs,
        new_steps=new_steps,
        fve=dict(zip(source_names(len(config.sources)), fve, strict=True)),
        l0=last.inference.l0,
    )


def open_stream(
    config: TrainConfig, store: ActivationStore, *, device: torch.device
) -> ShuffledStream:
    """The shuffled train rows of a settled configuration, as many as it asks for."""
    return ShuffledStream(
        store,
        config.sources,
        seed=config.shuffle_seed,
        window_bytes=(config.window_mb or 1) * 2**20,
        row_filter=config.row_filter,
        batch=config.batch_size,
        most_reads=config.window_reads,
        rows=config.steps * config.batch_size,
        pinned=device.type == "cuda",
    )


def publish(
    crosscoder: Crosscoder,
    *,
    store: ActivationStore,
    run: RunLayout,
    progress: Progress,
    row_filter: RowFilter,
) -> int:
    """Write the checkpoint and the latent table of held-out rows, unless they are there already.

    Returns how many were written: the checkpoint, and parts of the table.
    """
    checkpoint = crosscoder.to_checkpoint()
    lacks = not folder.holds(run, checkpoint)
    if lacks:
        if run.checkpoint.exists():
            progress.note(f"{run.checkpoint} was damaged or of other weights; it is written again")
        checkpoint.save(run.checkpoint)
    keys = [s.key for s in checkpoint.sources]
    with LatentTableWriter(
        run.latents,
        d_sae=checkpoint.d_sae,
        checkpoint=checkpoint.fingerprint,
        store=store.fingerprint_of(keys),
        row_filter=row_filter,
    ) as table:
        parts = write_latents(crosscoder, store, keys, table, progress, row_filter=row_filter)
    return parts + lacks
