"""Importing as the command line does it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xc.cli.opening import open_store
from xc.store_schema import Progress, RequestError, RunLayout
from xc.train.formats import FORMATS, Wishes
from xc.train.importing import ImportReport, import_run

FORMAT_HELP = f"{', '.join(FORMATS)} or xc; told by the files where it is left out."
_OF_STORE = "store"


@dataclass(frozen=True)
class ImportFlags:
    """What was typed."""

    layout: str | None
    file: str | None
    out: Path | None
    sources: tuple[str, ...]
    models: tuple[str, ...]
    scale: str | None
    centre_rows: bool | None
    device: str
    store: str | None


def run_import(reference: str, flags: ImportFlags, *, progress: Progress) -> ImportReport:
    """Import one crosscoder as a run."""
    wishes = Wishes(
        sources=_listed(flags.sources),
        models=_listed(flags.models),
        scale=_scale(flags.scale),
        centre_rows=flags.centre_rows,
    )
    return import_run(
        reference,
        wishes,
        run=RunLayout(flags.out or default_run(reference)),
        progress=progress,
        layout=flags.layout,
        file=flags.file,
        store=None if flags.store is None else open_store(flags.store),
        scale_of_store=flags.scale == _OF_STORE,
        device=flags.device,
    )


def default_run(reference: str) -> Path:
    """`runs/NAME`, NAME being the last part of the reference without its revision."""
    name = Path(reference.rstrip("/")).name or Path(reference).resolve().name
    cleaned = re.sub(r"[^\w.+-]+", "-", name.partition("@")[0]).strip(".-")
    return Path("runs") / (cleaned or "imported")


def _listed(given: Sequence[str]) -> tuple[str, ...]:
    """Repeated options, and lists with commas, as one."""
    return tuple(part.strip() for text in given for part in text.split(",") if part.strip())


def _scale(text: str | None) -> tuple[float, ...]:
    """Numbers with commas between; none where the store's are asked for.

    Raises:
        RequestError: if one is no number above 0.
    """
    if text is None or text == _OF_STORE:
        return ()
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = (0.0,)
    if not all(0 < number < float("inf") for number in numbers):
        raise RequestError(f"--scale {text}: expected numbers above 0 as in 0.28,0.24, or store")
    return numbers
