"""A tile of rows whose sums are taken in one compiled pass; needs numba."""

from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Literal
from weakref import WeakKeyDictionary, proxy

import numpy as np

from xc.evaluate.decoder import Decoder
from xc.evaluate.kernels import tile
from xc.evaluate.row_block import BlockPart, RowBlock, cosines, part_of

_PLAIN: tuple[Literal["C"], Literal["W"]] = ("C", "W")
"""Numba compiles other orders, and arrays that may not be written to, apart: one kind is enough."""


@dataclass(frozen=True)
class _Measured:
    """What the pass gives; arrays as `kernels.tile.measure` has them."""

    numbers: np.ndarray
    shift: np.ndarray
    off: np.ndarray
    along: np.ndarray
    own: np.ndarray


@dataclass(frozen=True)
class _Sides:
    """The decoder of all sources side by side: rows of one latent are read together."""

    W: np.ndarray
    b: np.ndarray
    at: np.ndarray


_known: WeakKeyDictionary[Decoder, _Sides] = WeakKeyDictionary()
_one_at_a_time = Lock()


def _side_by_side(decoder: Decoder) -> _Sides:
    """Put together once, by the first thread that asks."""
    with _one_at_a_time:
        if decoder not in _known:
            W, b = np.concatenate(decoder.W, axis=1), np.concatenate(decoder.b)
            at = np.cumsum([0, *decoder.widths])
            _known[decoder] = _Sides(W.astype(np.float32, copy=False), b.astype(np.float32), at)
        return _known[decoder]


@dataclass(frozen=True, eq=False)
class CompiledBlock(RowBlock):
    """Rows whose errors and projections are all found at once, when the first is asked for.

    The numbers are those of `RowBlock` up to the order of sums, and to x̂, which is float64 here
    while it is needed.
    """

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        latents = self.latents
        columns = (latents.indptr, latents.latent, latents.activation)
        kinds = (np.int64, np.int32, np.float32)
        first, latent, f = (np.require(a, t, _PLAIN) for a, t in zip(columns, kinds, strict=True))
        return first, latent, f

    @cached_property
    def _decoded(self) -> np.ndarray:
        """What each source decodes, float32 [source, pair]; [1, pair] where there are no gates."""
        _, latent, f = self._pairs
        gates = self.decoder.gates
        if gates is None:
            return f[None]
        return np.stack([np.where(gate.keeps(f, latent), f, np.float32(0)) for gate in gates])

    @cached_property
    def _measured(self) -> _Measured:
        d_sae, n, sides = self.decoder.d_sae, self.decoder.n_sources, _side_by_side(self.decoder)
        out = _Measured(
            numbers=np.empty((self.n_rows, n, tile.NUMBERS)),
            shift=np.zeros(sides.at[-1]),
            off=np.zeros(sides.at[-1]),
            along=np.zeros((2, d_sae, n, n, 2)),
            own=np.zeros((2, d_sae, n)),
        )
        x = tuple(np.require(x, np.float32, _PLAIN) for x in self.x)
        tile.measure(
            *self._pairs, self._decoded, x, sides.W, sides.b, np.concatenate(self.centre), sides.at,
            self.odd_rows.view(np.uint8), out.numbers, out.shift, out.off, out.along, out.own,
        )  # fmt: skip
        return out

    def _number(self, index: int) -> np.ndarray:
        return np.ascontiguousarray(self._measured.numbers[:, :, index])

    def _by_source(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(np.split(vector, np.cumsum(self.decoder.widths)[:-1]))

    @cached_property
    def xhat(self) -> tuple[np.ndarray, ...]:
        """Reconstructions per source, float32 [row, d_model]."""
        first, latent, _ = self._pairs
        out = tuple(np.empty((self.n_rows, w), np.float32) for w in self.decoder.widths)
        sides = _side_by_side(self.decoder)
        for m, found in enumerate(out):
            decoded = self._decoded[m % len(self._decoded)]
            a, b = sides.at[m], sides.at[m + 1]
            tile.reconstruct(first, latent, decoded, sides.W, sides.b, a, b, found)
        return out

    @cached_property
    def decoded_squares(self) -> np.ndarray:
        """Σ f² over the rows on which a source decodes the latent, float64 [latent, source]."""
        every = [self.latents.added(f.astype(np.float64) ** 2) for f in self._decoded]
        return np.stack([every[m % len(every)] for m in range(self.decoder.n_sources)], axis=1)

    @cached_property
    def error(self) -> np.ndarray:
        """‖x − x̂‖², float64 [row, source]."""
        return self._number(tile.ERROR)

    @cached_property
    def deviation(self) -> np.ndarray:
        """‖x − centre‖², float64 [row, source]."""
        return self._number(tile.DEVIATION)

    @cached_property
    def xhat_squares(self) -> np.ndarray:
        """‖x̂‖², float64 [row, source]."""
        return self._number(tile.XHAT)

    @cached_property
    def likeness(self) -> np.ndarray:
        """Cosine of x and x̂, float64 [row, source]; NaN where one of them is zero."""
        return cosines(self._number(tile.PRODUCT), self._number(tile.X), self.xhat_squares)

    @cached_property
    def shift(self) -> tuple[np.ndarray, ...]:
        """Σ_rows (x − centre) per source, float64 [d_model]."""
        return self._by_source(self._measured.shift)

    def shift_of(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """The same over the rows where `rows` (bool [row]) is True."""
        out = tuple(np.zeros(width) for width in self.decoder.widths)
        for x, centre, found in zip(self.x, self.centre, out, strict=True):
            tile.shift_of(x, rows, centre, found)
        return out

    @cached_property
    def residual_sum(self) -> tuple[np.ndarray, ...]:
        """Σ_rows (x − x̂) per source, float64 [d_model]."""
        return self._by_source(self._measured.off)

    @cached_property
    def residual_along(self) -> np.ndarray:
        """Σ f_j ⟨e_m, d_j^t⟩ over the rows, float64 [latent, m, t]; zero where widths differ."""
        every: np.ndarray = self._measured.along[..., 0].sum(axis=0)
        return every

    @cached_property
    def xhat_along(self) -> np.ndarray:
        """Σ f_j ⟨x̂_m, d_j^t⟩ over the rows, float64 [latent, m, t]; zero where widths differ."""
        every: np.ndarray = self._measured.along[..., 1].sum(axis=0)
        return every

    @cached_property
    def residual_decoded(self) -> np.ndarray:
        """Σ f_j ⟨e_m, d_j^m⟩ over the rows on which source m decodes it, float64 [latent, m]."""
        every: np.ndarray = self._measured.own.sum(axis=0)
        return every

    @cached_property
    def odd(self) -> "OddRows":
        """Rows of sequences of odd number, summed up apart in the same pass."""
        return part_of(proxy(self), OddRows, self.odd_rows)

    @property
    def odd_measured(self) -> tuple[np.ndarray, np.ndarray]:
        """Their sums: float64 [latent, m, t, 2] of e and x̂, and [latent, m]."""
        return self._measured.along[1], self._measured.own[1]


@dataclass(frozen=True, eq=False)
class OddRows(BlockPart):
    """The rows of odd sequences of a compiled block."""

    whole: CompiledBlock

    @cached_property
    def residual_along(self) -> np.ndarray:
        """Σ f_j ⟨e_m, d_j^t⟩ over the rows, float64 [latent, m, t]."""
        return np.ascontiguousarray(self.whole.odd_measured[0][..., 0])

    @cached_property
    def xhat_along(self) -> np.ndarray:
        """Σ f_j ⟨x̂_m, d_j^t⟩ over the rows, float64 [latent, m, t]."""
        return np.ascontiguousarray(self.whole.odd_measured[0][..., 1])

    @cached_property
    def residual_decoded(self) -> np.ndarray:
        """Σ f_j ⟨e_m, d_j^m⟩ over the rows on which source m decodes it, float64 [latent, m]."""
        return self.whole.odd_measured[1]
