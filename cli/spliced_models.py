"""Which model a source of a store is of: found by what the store says, or by what is given."""

from collections.abc import Sequence
from pathlib import Path

from xc.cli.zoo_references import PREFIX, find_models
from xc.harvest import ModelRef
from xc.harvest.sites import site_label
from xc.store_schema import RequestError, Source, source_key

_DIGEST = "sha256:"
"""How the revision of a local folder begins."""


def check_given(given: Sequence[str], sources: Sequence[Source]) -> None:
    """See that each model that is given is that of a source.

    Raises:
        RequestError: naming one that is not, and the sources.
    """
    for reference, ref in zip(given, find_models(given), strict=True):
        if not any(_is_of(ref, source) for source in sources):
            keys = ", ".join(source.key for source in sources)
            raise RequestError(f"--models {reference}: expected models of {keys}")


def model_of(source: Source, *, given: Sequence[str], usual: Sequence[str]) -> ModelRef:
    """The model of a source.

    Args:
        source: as the store has it.
        given: references that come first.
        usual: those of the harvest, if known: a store names a folder by its last component alone.

    Raises:
        RequestError: if it cannot be found.
    """
    if found := _among(given, source):
        return found
    try:
        return find_models([_reference(source)])[0]
    except RequestError:
        if found := _among([r for r in usual if _is_there(r)], source):
            return found
        raise


def _among(references: Sequence[str], source: Source) -> ModelRef | None:
    return next((ref for ref in find_models(references) if _is_of(ref, source)), None)


def _is_of(ref: ModelRef, source: Source) -> bool:
    return source_key(ref.name, site_label(source.key)) == source.key


def _is_there(reference: str) -> bool:
    try:
        find_models([reference])
    except RequestError:
        return False
    return True


def _reference(source: Source) -> str:
    """What the store names, pinned to the revision that was harvested; an adapter too.

    Raises:
        RequestError: if that is a folder that is not here.
    """
    revisions = (source.revision or "").split("+")
    names = source.model.split("+") if len(revisions) > 1 else [source.model]
    if len(names) != len(revisions):
        return source.model
    parts = list(zip(names, revisions, strict=True))
    if all(not _is_elsewhere(name, revision) for name, revision in parts):
        return "+".join(_pinned(name, revision) for name, revision in parts)
    where = "+".join(f"FOLDER/{n}" if _is_elsewhere(n, r) else n for n, r in parts)
    raise RequestError(
        f"model '{source.model}': the store tells the name of its folder alone; say where it lies "
        f"with --models {where}"
    )


def _is_elsewhere(name: str, revision: str) -> bool:
    """Whether a part of a reference is a folder that does not lie here."""
    return _is_local(name, revision) and not Path(name).is_dir()


def _is_local(name: str, revision: str) -> bool:
    return revision.startswith(_DIGEST) and not name.startswith(PREFIX)


def _pinned(name: str, revision: str) -> str:
    whole = not revision or name.startswith(PREFIX) or _is_local(name, revision)
    return name if whole else f"{name}@{revision}"
