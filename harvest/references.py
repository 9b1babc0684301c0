"""Model references: what the user types, resolved to a name and a place."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xc.store_schema import RequestError

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class ModelRef:
    """A model, named and located, not loaded."""

    reference: str
    """What the store records: a Hub id, `zoo:base`, or the last component of a local folder."""
    name: str
    """Name in source keys, a single path component: `google--gemma-2-2b`."""
    location: str | Path
    """A folder on this machine (Path), or an id on the Hugging Face Hub (str)."""
    revision: str | None = None
    """Branch, tag or commit asked for; Hub ids only."""


def resolve_models(references: Sequence[str]) -> tuple[ModelRef, ...]:
    """Name and locate models, in the order given; the same model twice gives equal references.

    A folder that exists wins over a Hub id of the same spelling. Different models of one name
    become `name`, `name~2`, `name~3`.

    Raises:
        RequestError: if a reference is neither a folder nor shaped like a Hub id.
    """
    distinct: dict[tuple[str | Path, str | None], ModelRef] = {}
    taken: Counter[str] = Counter()
    for reference in references:
        found = _locate(reference)
        place = (found.location, found.revision)
        if place not in distinct:
            taken[found.name] += 1
            distinct[place] = _numbered(found, taken[found.name])
    return tuple(distinct[(f.location, f.revision)] for f in map(_locate, references))


def _numbered(ref: ModelRef, count: int) -> ModelRef:
    if count == 1:
        return ref
    return ModelRef(ref.reference, f"{ref.name}~{count}", ref.location, ref.revision)


def _locate(reference: str) -> ModelRef:
    folder = Path(reference).expanduser()
    if reference and folder.is_dir():
        folder = folder.resolve()
        return ModelRef(folder.name, folder.name, folder)
    hub_id, _, revision = reference.partition("@")
    if not _HUB_ID.fullmatch(hub_id) or hub_id.startswith("."):
        raise RequestError(
            f"model '{reference}': no such folder, and no id of the form NAME or OWNER/NAME"
        )
    return ModelRef(hub_id, hub_id.replace("/", "--"), hub_id, revision or None)
