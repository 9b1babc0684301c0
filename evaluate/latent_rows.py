"""The latents of a few rows, as they come from the latent table: compressed by row."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from xc.store_schema.gate import Gate


@dataclass(frozen=True)
class ByLatent:
    """The same entries gathered by latent: only latents that fire, entries in row order."""

    latent: np.ndarray
    """int64 [active], ascending."""
    matrix: sp.csr_array
    """float32 [active, row]."""


@dataclass(frozen=True)
class LatentRows:
    """Non-zero latents of n rows."""

    indptr: np.ndarray
    """int64 [n + 1]."""
    latent: np.ndarray
    """int32 [entries]."""
    activation: np.ndarray
    """float32 [entries], f > 0."""
    d_sae: int
    """Number of latents."""

    @property
    def n_rows(self) -> int:
        """Rows, firing or not."""
        return len(self.indptr) - 1

    @cached_property
    def per_row(self) -> np.ndarray:
        """Number of latents that fire, int64 [n]."""
        return np.diff(self.indptr)

    def slice(self, start: int, stop: int) -> "LatentRows":
        """Rows [start, stop), counted from the first row held here."""
        a, b = self.indptr[start], self.indptr[stop]
        indptr = self.indptr[start : stop + 1] - a
        return LatentRows(indptr, self.latent[a:b], self.activation[a:b], self.d_sae)

    def keep(self, mask: np.ndarray) -> "LatentRows":
        """Only the rows where `mask` (bool [n]) is True."""
        if mask.all():
            return self
        entries = np.repeat(mask, self.per_row)
        indptr = np.concatenate([[0], np.cumsum(self.per_row[mask])])
        return LatentRows(indptr, self.latent[entries], self.activation[entries], self.d_sae)

    def through(self, gate: Gate) -> "LatentRows":
        """All rows, with the latents that a gate lets through."""
        passed = gate.keeps(self.activation, self.latent)
        indptr = np.concatenate([[0], np.cumsum(passed)])[self.indptr]
        return LatentRows(indptr, self.latent[passed], self.activation[passed], self.d_sae)

    @cached_property
    def matrix(self) -> sp.csr_array:
        """float32 [row, latent]."""
        shape = (self.n_rows, self.d_sae)
        return sp.csr_array((self.activation, self.latent, self.indptr), shape=shape)

    @cached_property
    def by_latent(self) -> ByLatent:
        """Entries gathered by latent."""
        whole = self.matrix.T.tocsr()
        active = np.flatnonzero(np.diff(whole.indptr))
        indptr = np.append(whole.indptr[:-1][active], whole.indptr[-1])
        matrix = sp.csr_array((whole.data, whole.indices, indptr), shape=(len(active), self.n_rows))
        return ByLatent(active, matrix)

    def scatter(self, values: np.ndarray) -> np.ndarray:
        """Values [active, …] of the latents that fire, as float64 [latent, …] with zeros."""
        out = np.zeros((self.d_sae, *values.shape[1:]))
        out[self.by_latent.latent] = values
        return out

    def added(self, values: np.ndarray) -> np.ndarray:
        """Values [entries], summed up by latent: float64 [latent]."""
        summed = np.bincount(self.latent, values, self.d_sae)
        return summed.astype(np.float64, copy=False)  # whole numbers, if there are no entries

    @cached_property
    def counts(self) -> np.ndarray:
        """Rows on which a latent fires, float64 [latent]."""
        return np.bincount(self.latent, minlength=self.d_sae).astype(np.float64)

    @cached_property
    def sums(self) -> np.ndarray:
        """Σ f, float64 [latent]."""
        return self.added(self._wide)

    @cached_property
    def squares(self) -> np.ndarray:
        """Σ f², float64 [latent]."""
        return self.added(self._wide**2)

    @cached_property
    def maxima(self) -> np.ndarray:
        """max f (0 if a latent never fires), float64 [latent]."""
        out = np.zeros(self.d_sae, np.float32)
        np.maximum.at(out, self.latent, self.activation)
        return out.astype(np.float64)

    @property
    def _wide(self) -> np.ndarray:
        return self.activation.astype(np.float64)
