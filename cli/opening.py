"""Opening the activation store that a command needs."""

from xc.store_schema import ActivationStore, RequestError
from xc.store_schema.places import Place, has_file, place


def open_store(where: str | Place) -> ActivationStore:
    """A complete store.

    Raises:
        RequestError: if there is none, saying how one is made, or it is not complete.
    """
    found = place(where)
    try:
        return ActivationStore.open(found)
    except RequestError as error:
        if not has_file(found / "zarr.json"):
            error.add_note("`xc harvest` makes one; --store names another")
        raise
