"""Rows, latents and decoders in memory for the evaluator's tests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from xc.evaluate.decoder import Decoder
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import combine_totals, tile_totals
from xc.evaluate.latent_rows import LatentRows
from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.row_block import RowBlock


@dataclass(frozen=True, eq=False)
class World:
    """Everything that metrics read, dense."""

    f: np.ndarray
    """float32 [row, latent]; a `csc_array` where nearly all rows are empty."""
    x: tuple[np.ndarray, ...]
    """Per source float32 [row, d_model], normalised."""
    W: tuple[np.ndarray, ...]
    """Per source float32 [latent, d_model]."""
    b: tuple[np.ndarray, ...]
    sequence: np.ndarray
    centre: tuple[np.ndarray, ...]
    scale: tuple[float, ...]
    role: np.ndarray
    """uint8 [row], of which 3 is a token of a chat template."""
    encoders: tuple[np.ndarray, ...] = ()
    """Per source float32 [d_model, latent]."""
    metrics: tuple[Metric, ...] = METRICS
    """Those that are measured."""

    @property
    def n_rows(self) -> int:
        return int(self.f.shape[0])

    @property
    def decoder(self) -> Decoder:
        means = tuple(np.zeros_like(b) for b in self.b)
        return Decoder(self.W, self.b, self.scale, means, encoders=self.encoders)

    def permuted(self, order: np.ndarray) -> "World":
        return replace(
            self, f=self.f[:, order], W=tuple(w[order] for w in self.W),
            encoders=tuple(w[:, order] for w in self.encoders),
        )  # fmt: skip

    def swapped(self) -> "World":
        return replace(
            self, x=self.x[::-1], W=self.W[::-1], b=self.b[::-1],
            centre=self.centre[::-1], scale=self.scale[::-1], encoders=self.encoders[::-1],
        )  # fmt: skip

    def block(self, start: int, stop: int) -> RowBlock:
        rows = slice(start, stop)
        latents = latent_rows(self.f[rows])
        return RowBlock(
            start, stop, self.sequence[rows], latents, self.decoder,
            lambda: tuple(x[rows] for x in self.x), self.centre,
            {"role": self.role[rows], "corpus": self.role[rows] % 2},
        )  # fmt: skip

    def facts(self, *, borders: Sequence[int] = (), order: Sequence[int] | None = None) -> Facts:
        """All values, the rows cut at `borders`, the tiles combined in `order`."""
        cuts = [0, *sorted(borders), self.n_rows]
        tiles = [self.block(a, b) for a, b in pairwise(cuts)]
        totals = [tile_totals(self.metrics, tile) for tile in tiles]
        totals = totals if order is None else [totals[i] for i in order]
        combined = reduce(lambda a, b: combine_totals(self.metrics, a, b), totals)
        return finish_all(self.metrics, combined, Facts(self.decoder))


def latent_rows(f: np.ndarray | sp.csc_array) -> LatentRows:
    """Compress latents by row."""
    if isinstance(f, sp.csc_array):
        rows = f.tocsr()
        return LatentRows(rows.indptr, rows.indices, rows.data, f.shape[1])
    n, d_sae = f.shape
    at = np.flatnonzero(f > 0)
    indptr, latent = np.searchsorted(at, d_sae * np.arange(n + 1)), (at % d_sae).astype(np.int32)
    return LatentRows(indptr, latent, f.ravel()[at], d_sae)


def make_world(
    n_rows: int = 90,
    d_sae: int = 24,
    *,
    widths: tuple[int, ...] = (6, 6),
    active: float = 0.2,
    zero_rows: bool = True,
    seed: int = 0,
) -> World:
    """Random rows; some latents dead, some decoder rows zero, some equal in both sources."""
    rng = np.random.default_rng(seed)
    f = np.where(rng.random((n_rows, d_sae)) < active, rng.gamma(2.0, 1.0, (n_rows, d_sae)), 0)
    f[:, rng.random(d_sae) < 0.1] = 0
    W = [rng.normal(size=(d_sae, w)).astype(np.float32) for w in widths]
    if zero_rows:
        for w in W:
            w[rng.random(d_sae) < 0.15] = 0
    if len(set(widths)) == 1:
        alike = rng.random(d_sae) < 0.3
        for w in W[1:]:
            w[alike] = W[0][alike]
    b = tuple(rng.normal(size=w).astype(np.float32) for w in widths)
    f = f.astype(np.float32)
    x = tuple(
        (f @ w + c + rng.normal(size=(n_rows, w.shape[1]))).astype(np.float32)
        for w, c in zip(W, b, strict=True)
    )
    centre = tuple(rng.normal(size=w) for w in widths)
    sequence = np.sort(rng.integers(0, max(n_rows // 7, 1), n_rows))
    scale = tuple(float(s) for s in rng.uniform(0.5, 2.0, len(widths)))
    role = rng.integers(0, 4, n_rows).astype(np.uint8)
    encoders = tuple(w.T + rng.normal(size=w.T.shape).astype(np.float32) for w in W)
    return World(f, x, tuple(W), b, sequence, centre, scale, role, encoders)
