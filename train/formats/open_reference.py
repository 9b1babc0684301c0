"""Reading a crosscoder of any known layout from a folder, a file or the Hub."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from xc.store_schema import Checkpoint, RequestError, SchemaError, XcError, suggestion
from xc.store_schema.checkpoint_io import CONFIG, TENSORS
from xc.train.formats import FORMATS
from xc.train.formats.kinds import Format, Imported, Parts, Wishes
from xc.train.formats.mismatch import Said, mismatches
from xc.train.formats.place import Place, beside, resolve
from xc.train.formats.settled import SourceOf, settle
from xc.train.formats.weights import SAFETENSORS, read_config, read_tensors

OWN = "xc"
"""Name of our own layout, which needs no importer."""


def open_reference(
    reference: str,
    wishes: Wishes | None = None,
    *,
    layout: str | None = None,
    file: str | None = None,
    source_of: SourceOf | None = None,
) -> Imported:
    """A crosscoder that somebody published, as a checkpoint.

    Args:
        reference: a folder or file, or OWNER/NAME on the Hub, with @REVISION if need be.
        wishes: what the files do not say.
        layout: a key of `FORMATS`, or `xc`; None: told by names of files and tensors.
        file: the weights, where the folder holds several, relative to it.
        source_of: the sources of a store that it is to be used on.

    Raises:
        RequestError: if nothing readable is there, several things are, or something is missing
            that has to be asked for.
        SchemaError: if the files are not what their layout promises.
        XcError: if the Hub fails.
    """
    if layout is not None and layout not in (*FORMATS, OWN):
        raise RequestError(f"no format '{layout}'{suggestion(layout, (*FORMATS, OWN))}")
    place = resolve(reference)
    weights = file if file is not None else _weights_of(place, layout)
    if weights not in place.names:
        raise RequestError(f"{reference} holds no file {weights}{suggestion(weights, place.names)}")
    wishes = wishes or Wishes()
    if PurePosixPath(weights).name == TENSORS:
        found = _own(place, weights, wishes, source_of)
    else:
        found = _foreign(place, weights, layout, wishes, source_of)
    origin = {"reference": reference, "file": weights, "commit": place.revision}
    return replace(found, origin={**origin, "format": found.format})


def _weights_of(place: Place, layout: str | None) -> str:
    """The one file of a place that may be weights.

    Raises:
        RequestError: if there are none, or several.
    """
    own = [n for n in place.names if PurePosixPath(n).name == TENSORS]
    wanted = [f for f in FORMATS.values() if layout in (None, f.name)]
    found = [n for f in wanted for n in f.find(place.names)] if layout != OWN else []
    names = list(dict.fromkeys([*(own if layout in (None, OWN) else []), *found]))
    if not names:
        known = "; ".join(f.words for f in wanted)
        raise RequestError(f"{place.reference} holds no crosscoder that is known here ({known})")
    if len(names) > 1:
        raise RequestError(
            f"{place.reference} holds {len(names)} files of weights; give one of them as --file: "
            f"{', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
        )
    return names[0]


def _own(place: Place, weights: str, wishes: Wishes, source_of: SourceOf | None) -> Imported:
    """A checkpoint of ours, perhaps for sources under other keys."""
    if wishes.scale or wishes.measure or wishes.models or wishes.centre_rows is not None:
        raise RequestError(
            f"{place.reference} holds models and normaliser itself; only --sources can be given"
        )
    config = str(PurePosixPath(weights).with_name(CONFIG))
    folder = place.fetch(weights).parent
    if config in place.names:
        place.fetch(config)
    checkpoint = Checkpoint.load(folder)
    keys = wishes.sources or tuple(s.key for s in checkpoint.sources)
    if len(keys) != checkpoint.n_sources:
        raise RequestError(
            f"{place.reference} holds {checkpoint.n_sources} sources; --sources names {len(keys)}"
        )
    pairs = zip(keys, checkpoint.sources, strict=True)
    if source_of is None:
        sources = tuple(replace(s, key=key) for key, s in pairs)
        return Imported(replace(checkpoint, sources=sources), OWN)
    sources = tuple(source_of(key, s.d_model) for key, s in pairs)
    said = [Said(s.model, s.key.rpartition("@")[2]) for s in checkpoint.sources]
    return Imported(replace(checkpoint, sources=sources), OWN, mismatches(said, sources))


def _foreign(
    place: Place, weights: str, layout: str | None, wishes: Wishes, source_of: SourceOf | None
) -> Imported:
    path = place.fetch(weights)
    tensors = read_tensors(path)
    if path.suffix != SAFETENSORS and not tensors:
        raise SchemaError(f"{path}: holds no tensors")
    kind = _layout_of(tensors, layout, where=str(path))
    configs = {
        PurePosixPath(name).name: read_config(place.fetch(name))
        for name in beside(place.names, kind.beside(weights))
    }
    parts = Parts(str(path), place.reference, tensors, configs, place.repository)
    try:
        found = settle(kind.read(parts), parts, wishes, source_of=source_of)
    except XcError as error:
        error.add_note(f"read as {kind.name}")
        raise
    return replace(found, format=kind.name)


def _layout_of(tensors: Mapping[str, object], layout: str | None, *, where: str) -> Format:
    """The first layout that tensors of these names belong to."""
    wanted = [f for f in FORMATS.values() if layout in (None, f.name)]
    kind = next((f for f in wanted if f.fits(tensors)), None)  # type: ignore[arg-type]
    if kind is None:
        known = ", ".join(f.name for f in wanted)
        found = ", ".join(sorted(tensors)) or "none"
        raise SchemaError(f"{where}: its tensors are not those of {known}; found {found:.300}")
    return kind
