"""Whether a store holds more of the same text than when a run was trained on it."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from xc.store_schema.activation_store import ActivationStore
from xc.store_schema.checkpoint import Checkpoint
from xc.store_schema.errors import XcError
from xc.store_schema.latent_table import LatentTable
from xc.store_schema.run_layout import RunLayout

WHAT_TO_DO = (
    "train again into another --run; next time harvest the larger text into another --store, "
    "which leaves earlier runs theirs"
)


def grown_since(run: RunLayout, store: ActivationStore) -> str | None:
    """What has become of a store whose activations are not those of a run: a sentence, or None.

    A latent table covers all rows that were held out when it was written; where these are the ones
    of the text before it was made longer, and the sources are the same, the store has grown.
    """
    lengths = _lengths_before(store)
    if not lengths:
        return None
    try:
        covered = LatentTable.open(run.latents).ranges
        trained_on = Checkpoint.load(run.checkpoint).sources
        same = all(store.source(s.key).revision == s.revision for s in trained_on)
    except XcError:  # of an unfinished run nothing tells how many rows it had
        held = " + ".join(f"{n:,}" for n in _added(store))
        return (
            f"{store.path} has grown since it was made ({held} rows), perhaps since the run began"
        )
    before = [n for n in lengths if same and joined(covered) == _heldout(store, n)]
    if not before:
        return None
    return (
        f"{store.path} held {before[-1]:,} rows then and has grown to {store.n_rows:,} since (the "
        f"same `xc harvest` with --tokens {before[-1]} --store OTHER makes the old one again)"
    )


def joined(ranges: Iterable[Sequence[int]]) -> list[list[int]]:
    """Ranges in order, those that touch as one."""
    found: list[list[int]] = []
    for start, stop in ranges:
        if found and found[-1][1] == start:
            found[-1][1] = stop
        else:
            found.append([start, stop])
    return found


def _added(store: ActivationStore) -> list[int]:
    """Rows of each harvest that added text; old stores do not say."""
    return [int(segment["rows"]) for segment in store.attributes.get("segments") or ()]


def _lengths_before(store: ActivationStore) -> list[int]:
    """Rows that a store has had, without those it has."""
    return list(accumulate(_added(store)))[:-1]


def _heldout(store: ActivationStore, n_rows: int) -> list[list[int]]:
    """Held-out ranges among the first rows."""
    cut = ((start, min(stop, n_rows)) for start, stop in store.splits["heldout"])
    return joined((start, stop) for start, stop in cut if stop > start)
