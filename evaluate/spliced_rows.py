"""Reconstructions as a model takes them: decoded from the latent table, back on its own scale."""

from dataclasses import dataclass

import numpy as np

from xc.evaluate.reader import Reader


@dataclass(frozen=True)
class SplicedRows:
    """The rows of one source that a splice replaces, and by what."""

    reader: Reader
    """The run's rows; a reader that narrows none."""
    source: int
    """Number of the source."""

    def chosen(self, start: int, stop: int) -> np.ndarray:
        """bool [stop - start]: rows that the latent table encodes; the others keep their own."""
        return self.reader.kept(start, stop)

    def reconstruct(self, start: int, stop: int) -> np.ndarray:
        """x̂ of the rows [start, stop), float32 [n, d_model]; x̂'/scale + mean, where x̂' is in the
        space of training, and the row's own mean where rows are centred."""
        decoder = self.reader.decoder
        latents = self.reader.latents(start, stop)
        if decoder.gates is not None:
            latents = latents.through(decoder.gates[self.source])
        normalised = latents.matrix @ decoder.W[self.source] + decoder.b[self.source]
        scale = np.float32(decoder.scale[self.source])
        raw: np.ndarray = normalised / scale + decoder.mean[self.source]
        if decoder.centre_rows and decoder.centre_rows[self.source]:
            raw += self._means(start, stop)
        return raw.astype(np.float32, copy=False)

    def _means(self, start: int, stop: int) -> np.ndarray:
        """Mean over d_model of each activation, float32 [n, 1]; rows of the mask may hold none."""
        rows = self.reader.store.activations(self.reader.keys[self.source])[start:stop]
        with np.errstate(invalid="ignore", over="ignore"):
            means: np.ndarray = rows.mean(axis=1, keepdims=True)
        return means
