"""A source as a Dask array: the one place of this room that knows Dask, imported when called."""

from typing import Any

from xc.store_schema.activations import Activations


def as_dask(activations: Activations, *, shard_rows: int, name: str) -> Any:
    """Lazy float32 array [n_rows, d_model], one block per shard; nothing is read yet."""
    from dask import array  # noqa: PLC0415  (a reader of stores need not have Dask)

    chunks = (shard_rows, activations.shape[1])
    return array.from_array(activations, chunks=chunks, name=name, asarray=False, fancy=False)
