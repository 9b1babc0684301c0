"""Importing as a stage: somebody's crosscoder becomes a run, encoded on a store if there is one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    CheckpointSource,
    Progress,
    RequestError,
    RunLayout,
    atomic_write,
)
from xc.store_schema.checkpoint_io import damage
from xc.store_schema.row_filter import DEFAULT
from xc.train import folder
from xc.train.crosscoder import Crosscoder
from xc.train.formats.kinds import Imported, Measure, Wishes
from xc.train.formats.open_reference import open_reference
from xc.train.formats.settled import SourceOf
from xc.train.measured_scale import measured_scales
from xc.train.run import publish
from xc.train.settle import checkpoint_source, device_of


@dataclass(frozen=True)
class ImportReport:
    """What an import came to."""

    run: Path
    checkpoint: Checkpoint
    format: str
    """The layout that was read."""
    notes: tuple[str, ...]
    """Warnings, one line each."""
    encoded: bool
    """Whether the held-out rows of a store are encoded, so that it can be evaluated."""


def import_run(
    reference: str,
    wishes: Wishes,
    *,
    run: RunLayout,
    progress: Progress,
    layout: str | None = None,
    file: str | None = None,
    store: ActivationStore | None = None,
    scale_of_store: bool = False,
    device: str = "auto",
) -> ImportReport:
    """Make a run of somebody's crosscoder, as `xc train` would leave it.

    The same call again does what is not done yet: with a store, encode the held-out rows.

    Args:
        reference: a folder, a file, or OWNER/NAME on the Hub, with @REVISION if need be.
        wishes: what the files do not say.
        run: where everything is written.
        progress: is told of encoding, and of warnings.
        layout: the format; None: told by names of files and tensors.
        file: the weights, where there are several.
        store: holds the sources; its held-out rows are encoded.
        scale_of_store: whether the scale is that of the store's train rows.
        device: where rows are encoded.

    Raises:
        RequestError: if nothing readable is there, the files lack something that has to be asked
            for, the store lacks a source, or the folder holds another run.
    """
    if scale_of_store and store is None:
        raise RequestError("the scale is to be the store's; give --store")
    if store is not None:
        wishes = replace(wishes, measure=_measure(store) if scale_of_store else None)
    found = open_reference(
        reference,
        wishes,
        layout=layout,
        file=file,
        source_of=None if store is None else _source_of(store),
    )
    if store is not None:
        found = _for_store(found, store)
    for note in found.notes:
        progress.note(note)
    _claim(run, found, store)
    if store is None:
        if not folder.holds(run, found.checkpoint):
            found.checkpoint.save(run.checkpoint)
    else:
        crosscoder = Crosscoder.from_checkpoint(found.checkpoint).to(device_of(device))
        publish(crosscoder, store=store, run=run, progress=progress, row_filter=DEFAULT)
    return ImportReport(run.root, found.checkpoint, found.format, found.notes, store is not None)


def _source_of(store: ActivationStore) -> SourceOf:
    """Look sources up in a store.

    Raises (when called):
        RequestError: if the store lacks one, or has it in another width.
    """

    def look_up(key: str, width: int) -> CheckpointSource:
        source = checkpoint_source(store, key)
        if source.d_model != width:
            raise RequestError(
                f"{store.path}: {key} has width {source.d_model}, the crosscoder {width}; give "
                "the sources in the order of its file as --sources"
            )
        return source

    return look_up


def _measure(store: ActivationStore) -> Measure:
    def measure(keys: Sequence[str], centred: Sequence[bool]) -> tuple[float, ...]:
        return measured_scales(store, keys, centred)

    return measure


def _for_store(found: Imported, store: ActivationStore) -> Imported:
    """Without the claim that it was trained on this very store, where it was trained on another."""
    trained_on = found.checkpoint.store_fingerprint
    keys = [s.key for s in found.checkpoint.sources]
    if trained_on in (None, store.fingerprint_of(keys)):
        return found
    note = f"it was trained on another store than {store.path}"
    checkpoint = replace(found.checkpoint, store_fingerprint=None)
    return replace(found, checkpoint=checkpoint, notes=(*found.notes, note))


def _claim(run: RunLayout, found: Imported, store: ActivationStore | None) -> None:
    """Make the folder this import's, or see that it is.

    Raises:
        RequestError: if it holds something else.
    """
    folder_holds = run.root.is_dir() and any(p.name[0] != "." for p in run.root.iterdir())
    if folder_holds and not _is_same(run, found):
        raise RequestError(f"{run.root} holds another run, or none; choose another --out")
    checkpoint = found.checkpoint
    content = {
        "store": None if store is None else str(store.path),
        "import": {
            **found.origin,
            "sources": [s.key for s in checkpoint.sources],
            "scale": list(checkpoint.scale),
            "centre_rows": list(checkpoint.centre_rows),
            "notes": list(found.notes),
        },
    }
    atomic_write(run.config, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    if not run.metrics.exists():
        atomic_write(run.metrics, "")  # a run has a training curve; this one's was not seen


def _is_same(run: RunLayout, found: Imported) -> bool:
    """Whether a folder is an import of this very crosscoder, or of it and damaged or cut short."""
    try:
        held = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return False
    told = held.get("import") if isinstance(held, dict) else None
    if not isinstance(told, dict):
        return False
    if damage(run.checkpoint) is not None:
        return {name: told.get(name) for name in found.origin} == dict(found.origin)
    return not run.checkpoint.exists() or folder.holds(run, found.checkpoint)
