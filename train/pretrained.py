"""The checkpoint behind a reference: ours without further ado, other people's by their format."""

from collections.abc import Sequence
from pathlib import Path

from xc.store_schema import Checkpoint, SchemaError
from xc.store_schema.checkpoint_io import locate
from xc.train.formats.kinds import Wishes
from xc.train.formats.open_reference import open_reference
from xc.train.unfinished import refuse_unfinished


def checkpoint_of(
    reference: str | Path,
    *,
    layout: str | None = None,
    file: str | None = None,
    sources: Sequence[str] = (),
    models: Sequence[str] = (),
    scale: Sequence[float] = (),
    centre_rows: bool | None = None,
) -> Checkpoint:
    """See `Crosscoder.from_pretrained`.

    Raises:
        RequestError: if there is no crosscoder at `reference`, or something is missing.
        SchemaError: if what is there cannot be read.
    """
    wishes = Wishes(
        sources=tuple(sources), models=tuple(models), scale=tuple(scale), centre_rows=centre_rows
    )
    if layout is None and file is None and wishes == Wishes() and _is_ours(Path(reference)):
        return Checkpoint.load(reference)
    refuse_unfinished(Path(reference))
    return open_reference(str(reference), wishes, layout=layout, file=file).checkpoint


def _is_ours(path: Path) -> bool:
    """Whether a folder is a run or a checkpoint of ours."""
    try:
        locate(path)
    except SchemaError:
        return False
    return True
