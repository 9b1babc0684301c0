"""Looking a name up in a table of the zoo, with an error that lists the table."""

from collections.abc import Mapping
from typing import TypeVar

from xc.store_schema.errors import RequestError

T = TypeVar("T")


def look_up(name: str, table: Mapping[str, T], *, kind: str) -> T:
    """The entry of this name; a leading `zoo:` is ignored.

    Raises:
        RequestError: if there is none.
    """
    entry = table.get(name.removeprefix("zoo:"))
    if entry is None:
        known = ", ".join(f"zoo:{known}" for known in table)
        raise RequestError(f"no embedded {kind} '{name}'; expected one of {known}")
    return entry
