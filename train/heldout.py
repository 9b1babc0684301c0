"""Held-out rows: a fixed slice for validation, and all of them as the run's latent table."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from xc.store_schema import (
    ActivationStore,
    LatentTableWriter,
    NumericalError,
    Progress,
    RequestError,
    RowFilter,
)
from xc.train.crosscoder import Crosscoder
from xc.train.kept import kept_rows
from xc.train.normalisation import prepare
from xc.train.stream import Window, read_rows

_BLOCK = 2048
"""Rows encoded at once."""


def heldout_rows(store: ActivationStore, keys: Sequence[str], row_filter: RowFilter) -> np.ndarray:
    """Numbers of the held-out rows that take part, int64, ascending.

    Raises:
        RequestError: if there are none.
    """
    ranges = store.splits["heldout"]
    numbers = [np.arange(a, b, dtype=np.int64) for a, b in ranges]
    kept = kept_rows(store, keys, ranges, row_filter)
    rows = np.concatenate(numbers)[kept] if numbers else np.zeros(0, np.int64)
    if len(rows) == 0:
        raise RequestError(
            f"{store.path} has no held-out rows to validate on ({row_filter.words}); "
            "harvest more text, or keep other rows"
        )
    return rows


def read_normalised(
    crosscoder: Crosscoder, store: ActivationStore, keys: Sequence[str], rows: np.ndarray
) -> torch.Tensor:
    """Rows of the store as the crosscoder trains on them, [row, d_model of all sources].

    Raises:
        NumericalError: if one of them is not finite.
    """
    window = read_rows(store, keys, rows)
    x = prepare(crosscoder, [window.data[k] for k in keys])
    check_finite(x, rows, crosscoder, store)
    return x


def check_finite(
    x: torch.Tensor, rows: np.ndarray, crosscoder: Crosscoder, store: ActivationStore
) -> None:
    """Raise NumericalError naming the first row of x that is not finite, and its source."""
    for source, part in zip(crosscoder.sources, crosscoder.split(x), strict=True):
        bad = ~torch.isfinite(part).all(dim=1)
        if bad.any():
            row = int(rows[int(torch.nonzero(bad)[0])])
            raise NumericalError(
                f"{store.path}: row {row} of {source.key} holds NaN or infinite activations; "
                "harvest that source again"
            )


def write_latents(
    crosscoder: Crosscoder,
    store: ActivationStore,
    keys: Sequence[str],
    table: LatentTableWriter,
    progress: Progress,
    *,
    row_filter: RowFilter,
) -> int:
    """Encode the held-out rows that take part by the rule of inference; parts there already stay.

    Returns the number of parts written.
    """
    blocks = store.blocks("heldout")
    missing = [b for b in blocks if not table.has(*b)]
    total = sum(b - a for a, b in blocks)
    progress.start("encode", total, "rows", done=total - sum(b - a for a, b in missing))
    for start, stop in missing:
        rows = np.arange(start, stop, dtype=np.int64)
        rows = rows[row_filter.mask(store, keys, start, stop)]
        table.write(start, stop, *_encode(crosscoder, store, keys, rows))
        progress.advance(stop - start)
    progress.finish()
    return len(missing)


def _encode(
    crosscoder: Crosscoder, store: ActivationStore, keys: Sequence[str], rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if len(rows) == 0:
        return rows, np.zeros(0, np.int32), np.zeros(0, np.float32)
    parts = list(_sparse_blocks(crosscoder, read_rows(store, keys, rows), keys, store))
    row, latent, activation = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows[row], latent.astype(np.int32), activation


@torch.no_grad()
def _sparse_blocks(
    crosscoder: Crosscoder, window: Window, keys: Sequence[str], store: ActivationStore
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    for first in range(0, len(window.rows), _BLOCK):
        taken = slice(first, first + _BLOCK)
        x = prepare(crosscoder, [window.data[k][taken] for k in keys])
        check_finite(x, window.rows[taken], crosscoder, store)
        f = crosscoder.encode_joined(x).cpu()
        row, latent = (i.numpy() for i in torch.nonzero(f, as_tuple=True))
        yield row + first, latent, f.numpy()[row, latent]
