"""The checkpoint behind a reference: ours without further ado, other people's by their format."""

from collections.abc import Sequence
from pathlib import Path

from xc.store_schema import Checkpoint, RequestError, SchemaError
from xc.store_schema.checkpoint_io import locate
from xc.store_schema.kinds import runs_in
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
    if file is None:
        _refuse_several(Path(reference))
    return open_reference(str(reference), wishes, layout=layout, file=file).checkpoint


def _refuse_several(path: Path) -> None:
    """Refuse a folder of runs, such as a sweep's: each of them holds a crosscoder."""
    names = [run.relative_to(path).as_posix() for run in runs_in(path)]
    if names:
        raise RequestError(
            f"{path}: this folder holds {len(names)} {'run' if len(names) == 1 else 'runs'}, no "
            f"crosscoder; give one of them: {', '.join(names[:12])}{' …' * (len(names) > 12)}"
        )


def _is_ours(path: Path) -> bool:
    """Whether a folder is a run or a checkpoint of ours."""
    try:
        locate(path)
    except SchemaError:
        return False
    return True
