"""A planted crosscoder with twins."""

from dataclasses import replace

from xc.store_schema import Checkpoint

A_ONLY, B_ONLY = range(10, 14), range(14, 18)


def with_twins(checkpoint: Checkpoint) -> Checkpoint:
    """B-only latents that point as the A-only ones do, three of four."""
    first, second = checkpoint.W_dec
    second = second.copy()
    for a, b in zip(list(A_ONLY)[:3], list(B_ONLY)[:3], strict=True):
        second[b] = 0.9 * first[a]
    return replace(checkpoint, W_dec=(first, second))
