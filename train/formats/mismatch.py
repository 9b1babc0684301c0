"""Sources of a store that are not those that somebody's file names: a note, since names vary."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xc.store_schema import CheckpointSource
from xc.train.formats.names import model_of, site_of


@dataclass(frozen=True)
class Said:
    """What a file says of one source."""

    model: str | None
    """Model, in any spelling; None: nothing."""
    site: str | None
    """Site, in any spelling; None: nothing."""


def mismatches(said: Sequence[Said], sources: Sequence[CheckpointSource]) -> tuple[str, ...]:
    """A line for each source whose model or site is not what the file says."""
    return tuple(_notes(said, sources))


def _notes(said: Sequence[Said], sources: Sequence[CheckpointSource]) -> Iterator[str]:
    for number, (of_file, source) in enumerate(zip(said, sources, strict=True), 1):
        model, label = of_file.model and model_of(of_file.model), _label(of_file.site)
        if model and _short(model) != _short(source.model):
            yield _line(number, source, f"is of {source.model}; the file names {model}")
        if label and label != source.key.rpartition("@")[2]:
            yield _line(number, source, f"is another site than the file's, {of_file.site}")


def _line(number: int, source: CheckpointSource, found: str) -> str:
    return f"source {number}: {source.key} {found}; is it the one that this was trained on?"


def _label(site: str | None) -> str | None:
    found = site_of(site) if site else None
    return found[2] if found else None


def _short(model: str) -> str:
    """The name alone: neither owner nor revision, nor how it is written."""
    return model.partition("@")[0].rstrip("/").rpartition("/")[2].lower()
