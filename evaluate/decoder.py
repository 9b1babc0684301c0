"""The decoder that the metrics see: weights that act on activations as normalised in training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from xc.store_schema import Checkpoint
from xc.store_schema.gate import Gate


@dataclass(frozen=True, eq=False)
class Decoder:
    """Decoder rows and biases per source, and how raw activations become normalised ones."""

    W: tuple[np.ndarray, ...]
    """Per source float32 [latent, d_model]."""
    b: tuple[np.ndarray, ...]
    """Per source float32 [d_model]."""
    scale: tuple[float, ...]
    """Per source: normalised = (raw − mean)·scale."""
    mean: tuple[np.ndarray, ...]
    """Per source float32 [d_model]."""
    centre_rows: tuple[bool, ...] = ()
    """Per source, whether each row's own mean is subtracted first; () means nowhere."""
    partition: tuple[Mapping[str, Any], ...] = ()
    """Groups of latents, as the checkpoint has them; () means that all are plain."""
    gates: tuple[Gate, ...] | None = None
    """Which latents each source decodes; None: every source decodes all that fire."""
    encoders: tuple[np.ndarray, ...] = ()
    """Per source [d_model, latent], up to a factor per source; () where nothing tells them."""

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Decoder":
        """Take the decoder out of a checkpoint, folded or not."""
        zeros = tuple(np.zeros(s.d_model, dtype=np.float32) for s in checkpoint.sources)
        mean = checkpoint.mean or zeros
        rest = (
            checkpoint.scale,
            mean,
            checkpoint.centre_rows,
            checkpoint.partition,
            checkpoint.gates,
            _encoders(checkpoint),
        )
        if not checkpoint.folded:
            return cls(checkpoint.W_dec, checkpoint.b_dec, *rest)
        parts = zip(checkpoint.W_dec, checkpoint.b_dec, mean, checkpoint.scale, strict=True)
        unfolded = [(w * np.float32(c), (b - m) * np.float32(c)) for w, b, m, c in parts]
        weights, biases = zip(*unfolded, strict=True)
        return cls(weights, biases, *rest)

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self.W)

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return len(self.W[0])

    @property
    def widths(self) -> tuple[int, ...]:
        """d_model of each source."""
        return tuple(w.shape[1] for w in self.W)

    @cached_property
    def derived(self) -> dict[object, Any]:
        """What was worked out from these weights and may be asked for again, by whoever did."""
        return {}

    @cached_property
    def norms(self) -> np.ndarray:
        """‖d‖, float64 [latent, source]."""
        return np.stack([np.linalg.norm(w.astype(np.float64), axis=1) for w in self.W], axis=1)

    @cached_property
    def norms_rms(self) -> np.ndarray:
        """‖d‖·√(widest/d_model), float64 [latent, source]: root mean squares over dimensions up to
        one factor for all, which makes them `norms` where the widths are equal."""
        widths = np.array(self.widths)
        return np.asarray(self.norms * np.sqrt(widths.max() / widths))

    @cached_property
    def biases_along(self) -> np.ndarray:
        """⟨b_m, d_j^t⟩, float64 [latent, m, t]; NaN where the widths of m and t differ."""
        return self._along([np.broadcast_to(b, (1, len(b))) for b in self.b])

    @cached_property
    def products(self) -> np.ndarray:
        """⟨d_j^m, d_j^t⟩, float64 [latent, m, t]; NaN where the widths of m and t differ."""
        return self._along(self.W)

    def _along(self, vectors: "list[np.ndarray] | tuple[np.ndarray, ...]") -> np.ndarray:
        n = self.n_sources
        out = np.full((self.d_sae, n, n), np.nan)
        for m in range(n):
            for t in range(n):
                if self.widths[m] == self.widths[t]:
                    out[:, m, t] = np.vecdot(
                        vectors[m].astype(np.float64), self.W[t].astype(np.float64)
                    )
        return out

    def normalise(self, raw: np.ndarray, source: int) -> np.ndarray:
        """Raw activations [row, d_model] of one source as normalised in training, float32."""
        if self.centre_rows and self.centre_rows[source]:
            raw = raw - raw.mean(axis=-1, keepdims=True)
        out: np.ndarray = (raw - self.mean[source]) * np.float32(self.scale[source])
        return out


def _encoders(checkpoint: Checkpoint) -> tuple[np.ndarray, ...]:
    """Encoder columns; where rows are centred, without what no centred row can see."""
    centred = checkpoint.centre_rows or (False,) * len(checkpoint.W_enc)
    parts = zip(checkpoint.W_enc, centred, strict=True)
    return tuple(w - w.mean(axis=0, keepdims=True) if flag else w for w, flag in parts)
