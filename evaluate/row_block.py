"""A tile of held-out rows: what metrics read, each derived array computed once and on demand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar
from weakref import proxy

import numpy as np

from xc.evaluate.decoder import Decoder
from xc.evaluate.latent_rows import LatentRows

P = TypeVar("P", bound="BlockPart")


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Rows [start, stop) of the store that take part, with their latents; activations are loaded
    when a metric first asks for them."""

    start: int
    """First store row of the tile."""
    stop: int
    """Store row behind the tile."""
    sequence: np.ndarray
    """Sequence of each row, int64 [row], ascending."""
    latents: LatentRows
    """Latents of the rows."""
    decoder: Decoder
    """Weights as normalised in training."""
    load: Callable[[], tuple[np.ndarray, ...]]
    """Gives the normalised activations."""
    centre: tuple[np.ndarray, ...]
    """Per source float64 [d_model] near the mean: sums of squares are taken around it, so that
    they lose no digits; only fve_legacy_kissane depends on it (intervals of fve do, slightly)."""
    labels: Mapping[str, np.ndarray]
    """uint8 [row] each: `role` (index into ROLES) and `corpus` (part of the text)."""

    @property
    def n_rows(self) -> int:
        """Rows that take part."""
        return len(self.sequence)

    def cut(self, rows: np.ndarray) -> "RowBlock":
        """The rows where `rows` (bool [row]) is True, as a tile of its own that reads nothing
        twice; this one, if they are all."""
        if rows.all():
            return self
        return type(self)(
            self.start,
            self.stop,
            self.sequence[rows],
            self.latents.keep(rows),
            self.decoder,
            lambda: tuple(x[rows] for x in self.x),
            self.centre,
            {name: column[rows] for name, column in self.labels.items()},
        )

    def where(self, rows: np.ndarray) -> "BlockPart":
        """The rows where `rows` (bool [row]) is True, sharing what was computed here."""
        return part_of(self, BlockPart, rows)

    @property
    def odd_rows(self) -> np.ndarray:
        """bool [row]: rows of sequences of odd number, one half of the rows."""
        odd: np.ndarray = self.sequence % 2 == 1
        return odd

    @cached_property
    def odd(self) -> "BlockPart":
        """Those rows; they are gone when the block is."""
        return part_of(proxy(self), BlockPart, self.odd_rows)

    @cached_property
    def x(self) -> tuple[np.ndarray, ...]:
        """Normalised activations per source, float32 [row, d_model]."""
        return self.load()

    @cached_property
    def xhat(self) -> tuple[np.ndarray, ...]:
        """Reconstructions per source, float32 [row, d_model]."""
        parts = zip(self.decoded, self.decoder.W, self.decoder.b, strict=True)
        return tuple(latents.matrix @ w + b for latents, w, b in parts)

    @cached_property
    def decoded(self) -> tuple[LatentRows, ...]:
        """The latents that each source decodes: those of the rows, unless it has a gate."""
        if self.decoder.gates is None:
            return (self.latents,) * self.decoder.n_sources
        return tuple(self.latents.through(gate) for gate in self.decoder.gates)

    @cached_property
    def decoded_squares(self) -> np.ndarray:
        """Σ f² over the rows on which a source decodes the latent, float64 [latent, source]."""
        return np.stack([latents.squares for latents in self.decoded], axis=1)

    @cached_property
    def residual(self) -> tuple[np.ndarray, ...]:
        """x − x̂ per source, float32 [row, d_model]."""
        return tuple(x - xhat for x, xhat in zip(self.x, self.xhat, strict=True))

    @cached_property
    def error(self) -> np.ndarray:
        """‖x − x̂‖², float64 [row, source]."""
        return np.stack([squared_norms(e) for e in self.residual], axis=1)

    @cached_property
    def centred(self) -> tuple[np.ndarray, ...]:
        """x − centre per source, float64 [row, d_model]."""
        return tuple(x - c for x, c in zip(self.x, self.centre, strict=True))

    @cached_property
    def deviation(self) -> np.ndarray:
        """‖x − centre‖², float64 [row, source]."""
        return np.stack([squared_norms(x) for x in self.centred], axis=1)

    @cached_property
    def shift(self) -> tuple[np.ndarray, ...]:
        """Σ_rows (x − centre) per source, float64 [d_model]."""
        return tuple(x.sum(axis=0) for x in self.centred)

    def shift_of(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """The same over the rows where `rows` (bool [row]) is True."""
        return tuple(rows.astype(np.float64) @ x for x in self.centred)

    @cached_property
    def residual_sum(self) -> tuple[np.ndarray, ...]:
        """Σ_rows (x − x̂) per source, float64 [d_model]."""
        return tuple(e.sum(axis=0, dtype=np.float64) for e in self.residual)

    @cached_property
    def xhat_squares(self) -> np.ndarray:
        """‖x̂‖², float64 [row, source]."""
        return np.stack([squared_norms(xhat) for xhat in self.xhat], axis=1)

    @cached_property
    def likeness(self) -> np.ndarray:
        """Cosine of x and x̂, float64 [row, source]; NaN where one of them is zero."""
        parts = zip(self.x, self.xhat, strict=True)
        products = np.stack([np.vecdot(_wide(x), _wide(xhat)) for x, xhat in parts], axis=1)
        squares = np.stack([squared_norms(x) for x in self.x], axis=1)
        return cosines(products, squares, self.xhat_squares)

    @cached_property
    def residual_along(self) -> np.ndarray:
        """Σ f_j ⟨e_m, d_j^t⟩ over the rows, float64 [latent, m, t]; see `along`."""
        return self.along(self.residual)

    @cached_property
    def xhat_along(self) -> np.ndarray:
        """Σ f_j ⟨x̂_m, d_j^t⟩ over the rows, float64 [latent, m, t]; see `along`."""
        return self.along(self.xhat)

    @cached_property
    def residual_decoded(self) -> np.ndarray:
        """Σ f_j ⟨e_m, d_j^m⟩ over the rows on which source m decodes it, float64 [latent, m]."""
        if self.decoder.gates is None:
            every: np.ndarray = np.einsum("jmm->jm", self.residual_along)
            return every
        out = np.zeros((self.decoder.d_sae, self.decoder.n_sources))
        for m, (latents, e) in enumerate(zip(self.decoded, self.residual, strict=True)):
            active = latents.by_latent
            gathered = active.matrix @ e.astype(np.float64)
            rows = self.decoder.W[m][active.latent].astype(np.float64)
            out[active.latent, m] = np.vecdot(gathered, rows)
        return out

    def along(self, vectors: tuple[np.ndarray, ...]) -> np.ndarray:
        """Σ_rows f_j ⟨y_m, d_j^t⟩, float64 [latent, m, t]; zero where the widths differ.

        Exact: Fᵀy first, O(entries·d_model), summed in float64, then its projection on d. No array
        of [latent, row, d_model] arises.
        """
        active = self.latents.by_latent
        n = self.decoder.n_sources
        out = np.zeros((len(active.latent), n, n))
        for m, y in enumerate(vectors):
            gathered = active.matrix @ y.astype(np.float64)
            for t in range(n):
                if self.decoder.widths[t] == y.shape[1]:
                    out[:, m, t] = np.vecdot(gathered, self._rows_of(t).astype(np.float64))
        return self.latents.scatter(out)

    def _rows_of(self, source: int) -> np.ndarray:
        weights, active = self.decoder.W[source], self.latents.by_latent.latent
        return weights if len(active) == len(weights) else weights[active]


@dataclass(frozen=True, eq=False)
class BlockPart(RowBlock):
    """Some rows of a block; what is known of each row is cut out of what the block knows."""

    whole: RowBlock
    """The block."""
    rows: np.ndarray
    """bool [row of the block]: which ones."""

    @cached_property
    def xhat(self) -> tuple[np.ndarray, ...]:
        """Reconstructions per source, float32 [row, d_model]."""
        return tuple(xhat[self.rows] for xhat in self.whole.xhat)

    @cached_property
    def residual(self) -> tuple[np.ndarray, ...]:
        """x − x̂ per source, float32 [row, d_model]."""
        return tuple(e[self.rows] for e in self.whole.residual)

    @cached_property
    def error(self) -> np.ndarray:
        """‖x − x̂‖², float64 [row, source]."""
        cut: np.ndarray = self.whole.error[self.rows]
        return cut

    @cached_property
    def centred(self) -> tuple[np.ndarray, ...]:
        """x − centre per source, float64 [row, d_model]."""
        return tuple(x[self.rows] for x in self.whole.centred)

    @cached_property
    def deviation(self) -> np.ndarray:
        """‖x − centre‖², float64 [row, source]."""
        cut: np.ndarray = self.whole.deviation[self.rows]
        return cut

    @cached_property
    def shift(self) -> tuple[np.ndarray, ...]:
        """Σ_rows (x − centre) per source, float64 [d_model]."""
        return self.whole.shift_of(self.rows)

    @cached_property
    def xhat_squares(self) -> np.ndarray:
        """‖x̂‖², float64 [row, source]."""
        cut: np.ndarray = self.whole.xhat_squares[self.rows]
        return cut

    @cached_property
    def likeness(self) -> np.ndarray:
        """Cosine of x and x̂, float64 [row, source]."""
        cut: np.ndarray = self.whole.likeness[self.rows]
        return cut


def part_of(whole: RowBlock, kind: type[P], rows: np.ndarray) -> P:
    """The rows of a block where `rows` (bool [row]) is True.

    A part that its block holds must be of `proxy(block)`: two that hold each other stay in memory
    until Python looks for such, which megabytes do not make it do.
    """
    return kind(
        whole.start,
        whole.stop,
        whole.sequence[rows],
        whole.latents.keep(rows),
        whole.decoder,
        lambda: tuple(x[rows] for x in whole.x),
        whole.centre,
        {name: column[rows] for name, column in whole.labels.items()},
        whole,
        rows,
    )


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """‖row‖², float64 [row]."""
    wide = _wide(rows)
    return np.asarray(np.vecdot(wide, wide))


def cosines(products: np.ndarray, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """⟨u, v⟩/(‖u‖‖v‖) of the products and both squared norms; NaN where a norm is zero."""
    norms = np.sqrt(p) * np.sqrt(q)
    found = np.divide(products, norms, out=np.full_like(products, np.nan), where=norms > 0)
    return np.asarray(np.clip(found, -1.0, 1.0))


def _wide(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float64)
