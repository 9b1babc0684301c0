"""The kept (row, latent) pairs of a batch on a device, by row and turned round by latent."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from xc.train.activation_fns import Selection


@dataclass(frozen=True)
class ByLatent:
    """The same pairs in the order of their latents and, of one latent, of their rows."""

    order: Tensor
    """Which pair comes, int64 [pair]."""
    first: Tensor
    """Where the pairs of each latent begin, and the last ones end, int64 [latent + 1]."""
    row: Tensor
    """int64 [pair]."""


@dataclass(frozen=True)
class Pairs:
    """By row, and within a row by latent."""

    first: Tensor
    """Where the pairs of each row begin, and the last ones end, int64 [row + 1]."""
    row: Tensor
    """int64 [pair]."""
    latent: Tensor
    """int64 [pair]."""
    f: Tensor
    """Activation, positive [pair]."""
    d_sae: int

    def __len__(self) -> int:
        return len(self.f)

    @cached_property
    def by_latent(self) -> ByLatent:
        """Turned round by a stable sort of the pairs: always in the same order."""
        latent, order = torch.sort(self.latent, stable=True)
        return ByLatent(order, _borders(latent, self.d_sae), self.row[order])

    def only(self, keep: Tensor) -> "Pairs":
        """Those where `keep` [pair] holds."""
        kept = torch.nonzero(keep).squeeze(1)
        row = self.row[kept]
        first = _borders(row, len(self.first) - 1)
        return Pairs(first, row, self.latent[kept], self.f[kept], self.d_sae)


def of_selection(kept: Selection, pre: Tensor) -> Pairs:
    """What was selected elsewhere of pre-activations [row, latent]."""
    n, d_sae = pre.shape
    flat = torch.from_numpy(kept.flat).to(pre.device)
    row = flat // d_sae
    return Pairs(_borders(row, n), row, flat - row * d_sae, pre.flatten()[flat], d_sae)


def _borders(ascending: Tensor, n: int) -> Tensor:
    """Where each of 0 … n − 1 begins among ascending numbers, and the last one ends."""
    each = torch.arange(n + 1, dtype=ascending.dtype, device=ascending.device)
    return torch.searchsorted(ascending, each)
