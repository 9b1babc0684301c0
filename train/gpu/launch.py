"""Kernels on tensors: shapes of launches and of results."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor
from triton import next_power_of_2

from xc.train.gpu import kernels

_LATENTS = 1024
"""Most latents of a row that a program looks at together."""
_PAIRS, _COLUMNS = 16, 128
"""Pairs, and most columns, that a program has in registers together."""
_EXACT = {"enable_fp_fusion": True}
"""Whether products are rounded before they are added is not left to versions of Triton."""


def _device_of(tensor: Tensor) -> AbstractContextManager[None]:
    """Kernels go to the current device, not to that of their arguments."""
    return torch.cuda.device_of(tensor)  # type: ignore[no-untyped-call]


def begins(counts: Tensor) -> Tensor:
    """Where the pairs of each segment begin, and the last ones end, int64 [segment + 1]."""
    first = counts.new_zeros(len(counts) + 1, dtype=torch.int64)
    torch.cumsum(counts, dim=0, out=first[1:])
    return first


def _scan(d_sae: int) -> dict[str, int]:
    return {"BLOCK": min(_LATENTS, next_power_of_2(d_sae)), **_EXACT}


def _tile(width: int) -> dict[str, int]:
    return {"PAIRS": _PAIRS, "COLUMNS": min(_COLUMNS, next_power_of_2(width)), **_EXACT}


def count_reaching(pre: Tensor, weights: Tensor, level: Tensor) -> Tensor:
    """How many v = pre·s of each row are positive and at least the row's level, int32 [row]."""
    n, d_sae = pre.shape
    counts = torch.empty(n, dtype=torch.int32, device=pre.device)
    with _device_of(pre):
        kernels.count_reaching[(n,)](pre, weights, level, counts, d_sae, **_scan(d_sae))
    return counts


def list_reaching(
    pre: Tensor, weights: Tensor, level: Tensor, first: Tensor, *, total: int
) -> tuple[Tensor, Tensor]:
    """Latents, int64, and pre-activations of those [pair], by row and then by latent.

    Args:
        pre: pre-activations [row, latent].
        weights: s [latent].
        level: [row].
        first: where the pairs of each row begin, int64 [row + 1].
        total: number of pairs.
    """
    n, d_sae = pre.shape
    latent = torch.empty(total, dtype=torch.int64, device=pre.device)
    f = torch.empty(total, dtype=pre.dtype, device=pre.device)
    with _device_of(pre):
        kernels.list_reaching[(n,)](pre, weights, level, first, latent, f, d_sae, **_scan(d_sae))
    return latent, f


@dataclass(frozen=True)
class Narrowed:
    """Rows y in bfloat16, and what that loses."""

    rows: Tensor
    """bfloat16 [row, width]."""
    length: Tensor
    """‖y‖ [row]."""
    error: Tensor
    """‖y − y₁₆‖ [row]."""
    along: Tensor
    """Product of y and a vector [row]."""


def narrow_rows(table: Tensor, *, less: Tensor, along: Tensor) -> Narrowed:
    """Rows table − less; float32 [row, width], and [width]."""
    n, width = table.shape
    narrow = torch.empty_like(table, dtype=torch.bfloat16)
    length, error, product = table.new_empty(3, n).unbind()
    with _device_of(table):
        kernels.narrow_rows[(n,)](
            table, less, along, narrow, length, error, product, width,
            COLUMNS=min(_LATENTS, next_power_of_2(width)), **_EXACT,
        )  # fmt: skip
    return Narrowed(narrow, length, error, product)


@dataclass(frozen=True)
class Bounds:
    """What `kernels.count_bounded` takes for bounds of v."""

    pre: Tensor
    """bfloat16 [row, latent]."""
    columns: Tensor
    """[5, latent]."""
    rows: Tensor
    """[2, row]."""
    rounding: float


def count_bounded(bounds: Bounds, level: Tensor) -> tuple[Tensor, Tensor]:
    """How many v of each row reach its level for sure, and how many may, int32 [row]."""
    n, d_sae = bounds.pre.shape
    sure, likely = torch.empty(2, n, dtype=torch.int32, device=level.device).unbind()
    with _device_of(level):
        kernels.count_bounded[(n,)](
            bounds.pre, bounds.columns, bounds.rows, level, sure, likely, d_sae,
            ROUNDING=bounds.rounding, **_scan(d_sae),
        )  # fmt: skip
    return sure, likely


def list_bounded(
    bounds: Bounds, level: Tensor, first: Tensor, *, total: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Latents, int64, lower and upper bounds of those that may [pair], by row and then latent."""
    n, d_sae = bounds.pre.shape
    latent = torch.empty(total, dtype=torch.int64, device=level.device)
    low, high = level.new_empty(2, total).unbind()
    with _device_of(level):
        kernels.list_bounded[(n,)](
            bounds.pre, bounds.columns, bounds.rows, level, first, latent, low, high, d_sae,
            ROUNDING=bounds.rounding, **_scan(d_sae),
        )  # fmt: skip
    return latent, low, high


def sum_rows(table: Tensor, index: Tensor, weight: Tensor, first: Tensor) -> Tensor:
    """Σ weight·table[index] over the pairs of each segment, [segment, width]."""
    n, width = len(first) - 1, table.shape[1]
    out = torch.empty(n, width, dtype=table.dtype, device=table.device)
    tile = _tile(width)
    grid = (n, -(-width // tile["COLUMNS"]))
    with _device_of(table):
        kernels.sum_rows[grid](table.contiguous(), index, weight, first, out, width, **tile)
    return out


def dot_rows(left: Tensor, right: Tensor, index: Tensor, first: Tensor) -> Tensor:
    """⟨left[segment], right[index]⟩ of each pair [pair]."""
    n, width = left.shape
    out = torch.empty(len(index), dtype=left.dtype, device=left.device)
    tile = _tile(width)
    with _device_of(left):
        kernels.dot_rows[(n,)](left.contiguous(), right, index, first, out, width, **tile)
    return out


def sum_each(values: Tensor, first: Tensor) -> Tensor:
    """Sum of the values [pair] of each segment [segment]."""
    n = len(first) - 1
    out = torch.empty(n, dtype=values.dtype, device=values.device)
    with _device_of(values):
        kernels.sum_each[(n,)](values, first, out, PAIRS=_PAIRS, num_warps=1, **_EXACT)
    return out
