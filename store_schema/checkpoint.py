"""The published crosscoder as NumPy arrays, with the normative encode and decode.

Stored tensors act on normalised activations (x − mean)·scale. `fold` gives the same crosscoder on
raw activations; the rank value v = f·Σ‖d‖ keeps the norms of training, so that folding changes no
reconstruction and no selected latent.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema.activation_fns import ACTIVATION_FNS
from xc.store_schema.atomic import canonical_json
from xc.store_schema.checkpoint_io import read_folder, write_folder
from xc.store_schema.errors import NumericalError, RequestError, SchemaError
from xc.store_schema.settings import from_mapping


@dataclass(frozen=True)
class CheckpointSource:
    """What a crosscoder's i-th encoder and decoder belong to."""

    key: str
    """Address in the store, `gpt2@6`."""
    model: str
    """Model reference."""
    revision: str | None
    """Commit of the model."""
    layer: int
    """Blocks behind the site."""
    site: str
    """What is read there."""
    d_model: int
    """Width."""


@dataclass(frozen=True)
class Checkpoint:
    """A crosscoder: N sources, one latent code. All tensors float32."""

    sources: tuple[CheckpointSource, ...]
    """A first."""
    activation_fn: dict[str, Any]
    """`name` (a key of `ACTIVATION_FNS`) and its parameters."""
    W_enc: tuple[np.ndarray, ...]
    """Per source [d_model, d_sae]."""
    b_enc: np.ndarray
    """[d_sae]."""
    W_dec: tuple[np.ndarray, ...]
    """Per source [d_sae, d_model]."""
    b_dec: tuple[np.ndarray, ...]
    """Per source [d_model]."""
    threshold: float | None = None
    """θ on v = f·Σ‖d‖; kept where v > θ."""
    scale: tuple[float, ...] = ()
    """One number per source; () means ones."""
    mean: tuple[np.ndarray, ...] | None = None
    """Per source [d_model], subtracted before scaling; None means zeros."""
    folded: bool = False
    """Whether scale and mean are in the tensors, which then eat raw activations."""
    store_fingerprint: str | None = None
    """`ActivationStore.fingerprint_of` the sources it was trained on."""

    def __post_init__(self) -> None:
        if not self.scale:
            object.__setattr__(self, "scale", (1.0,) * len(self.sources))
        _check_shapes(self)
        _check_finite(self)

    @classmethod
    def load(cls, folder: str | Path) -> "Checkpoint":
        """Read a checkpoint folder, or the one inside a run.

        Raises:
            SchemaError: if files are missing, unreadable, newer, or do not fit together.
            NumericalError: if a tensor is not finite.
        """
        config, tensors = read_folder(Path(folder))
        try:
            checkpoint = _build(config, tensors)
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(f"{folder}: not a whole checkpoint ({error!r})") from error
        except RequestError as error:
            raise SchemaError(f"{folder}: {error}") from error
        if config.get("d_sae") != checkpoint.d_sae:
            raise SchemaError(
                f"{folder}: config says d_sae {config.get('d_sae')}, tensors {checkpoint.d_sae}"
            )
        return checkpoint

    def save(self, folder: str | Path) -> None:
        """Write `crosscoder.safetensors` and `config.json`, both or neither."""
        write_folder(Path(folder), self.config(), self.tensors())

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return len(self.b_enc)

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self.sources)

    def decoder_norms(self) -> np.ndarray:
        """‖d_j‖ per latent and source as normalised in training, float64 [d_sae, n_sources]."""
        undo = self.scale if self.folded else (1.0,) * self.n_sources
        norms = [
            np.linalg.norm(w.astype(np.float64), axis=1) * s
            for w, s in zip(self.W_dec, undo, strict=True)
        ]
        return np.stack(norms, axis=1)

    @cached_property
    def norm_sum(self) -> np.ndarray:
        """Σ_m ‖d_j^m‖, float32 [d_sae]."""
        total: np.ndarray = self.decoder_norms().sum(axis=1).astype(np.float32)
        return total

    def normalise(self, xs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Raw activations as the tensors of this checkpoint expect them, float32."""
        if self.folded:
            return [np.asarray(x, dtype=np.float32) for x in xs]
        means = self.mean or tuple(np.zeros(s.d_model, np.float32) for s in self.sources)
        return [
            (np.asarray(x, dtype=np.float32) - m) * np.float32(s)
            for x, m, s in zip(xs, means, self.scale, strict=True)
        ]

    def encode(self, xs: Sequence[np.ndarray]) -> np.ndarray:
        """Latents f [rows, d_sae] of raw activations, one [rows, d_model] per source."""
        return self.encode_normalised(self.normalise(xs))

    def encode_normalised(self, xs: Sequence[np.ndarray]) -> np.ndarray:
        """Latents f [rows, d_sae] of activations that went through `normalise`."""
        pre = self.b_enc + sum(x @ w for x, w in zip(xs, self.W_enc, strict=True))
        fn = ACTIVATION_FNS[self.activation_fn["name"]]
        return fn(pre.astype(np.float32), self.norm_sum, self.threshold)

    def decode(self, f: np.ndarray) -> tuple[np.ndarray, ...]:
        """Reconstructions per source [rows, d_model], in the space the tensors act on."""
        return tuple(f @ w + b for w, b in zip(self.W_dec, self.b_dec, strict=True))

    def fold(self) -> "Checkpoint":
        """The same crosscoder on raw activations.

        With x' = (x − μ)·c: W_enc·c, b_enc − Σ c·μᵀW_enc, W_dec/c, b_dec/c + μ.
        """
        if self.folded:
            return self
        means = self.mean or tuple(np.zeros(s.d_model) for s in self.sources)
        w_enc = [w.astype(np.float64) * c for w, c in zip(self.W_enc, self.scale, strict=True)]
        shift = sum(m.astype(np.float64) @ w for m, w in zip(means, w_enc, strict=True))
        return replace(
            self,
            W_enc=tuple(_f32(w) for w in w_enc),
            b_enc=_f32(self.b_enc.astype(np.float64) - shift),
            W_dec=tuple(
                _f32(w.astype(np.float64) / c) for w, c in zip(self.W_dec, self.scale, strict=True)
            ),
            b_dec=tuple(
                _f32(b.astype(np.float64) / c + m)
                for b, c, m in zip(self.b_dec, self.scale, means, strict=True)
            ),
            folded=True,
        )

    def tensors(self) -> dict[str, np.ndarray]:
        """All arrays under their names on disk."""
        named: dict[str, np.ndarray] = {"b_enc": self.b_enc}
        for i in range(self.n_sources):
            named[f"W_enc_{i}"] = self.W_enc[i]
            named[f"W_dec_{i}"] = self.W_dec[i]
            named[f"b_dec_{i}"] = self.b_dec[i]
            if self.mean is not None:
                named[f"mean_{i}"] = self.mean[i]
        if self.threshold is not None:
            named["threshold"] = np.array(self.threshold, dtype=np.float32)
        return {name: np.asarray(a, dtype=np.float32, order="C") for name, a in named.items()}

    def config(self) -> dict[str, Any]:
        """What `config.json` holds beside the schema version."""
        return {
            "sources": [asdict(s) for s in self.sources],
            "d_sae": self.d_sae,
            "activation_fn": self.activation_fn,
            "normalisation": {
                "scale": list(self.scale),
                "mean": self.mean is not None,
                "folded": self.folded,
            },
            "store_fingerprint": self.store_fingerprint,
        }

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) of tensors and configuration."""
        digest = hashlib.sha256(canonical_json(self.config()).encode())
        for name, array in sorted(self.tensors().items()):
            digest.update(name.encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def _build(config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Checkpoint:
    normalisation = config["normalisation"]
    sources = tuple(
        from_mapping(CheckpointSource, s, where="config.json, sources") for s in config["sources"]
    )
    n = range(len(sources))
    threshold = tensors.get("threshold")
    return Checkpoint(
        sources=sources,
        activation_fn=dict(config["activation_fn"]),
        W_enc=tuple(tensors[f"W_enc_{i}"] for i in n),
        b_enc=tensors["b_enc"],
        W_dec=tuple(tensors[f"W_dec_{i}"] for i in n),
        b_dec=tuple(tensors[f"b_dec_{i}"] for i in n),
        threshold=None if threshold is None else float(threshold),
        scale=tuple(float(s) for s in normalisation["scale"]),
        mean=tuple(tensors[f"mean_{i}"] for i in n) if normalisation["mean"] else None,
        folded=bool(normalisation["folded"]),
        store_fingerprint=config["store_fingerprint"],
    )


def _f32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _expected_shapes(checkpoint: Checkpoint) -> dict[str, tuple[int, ...]]:
    d_sae = checkpoint.d_sae
    shapes: dict[str, tuple[int, ...]] = {"b_enc": (d_sae,)}
    for i, source in enumerate(checkpoint.sources):
        shapes[f"W_enc_{i}"] = (source.d_model, d_sae)
        shapes[f"W_dec_{i}"] = (d_sae, source.d_model)
        shapes[f"b_dec_{i}"] = (source.d_model,)
        if checkpoint.mean is not None:
            shapes[f"mean_{i}"] = (source.d_model,)
    return shapes


def _check_shapes(checkpoint: Checkpoint) -> None:
    n = checkpoint.n_sources
    if n == 0:
        raise SchemaError("a crosscoder needs at least one source; found none")
    parts = {"W_enc": checkpoint.W_enc, "W_dec": checkpoint.W_dec, "b_dec": checkpoint.b_dec}
    parts |= {"mean": checkpoint.mean} if checkpoint.mean is not None else {}
    for name, part in parts.items():
        if len(part) != n:
            raise SchemaError(f"expected {n} tensors {name}_<i>, found {len(part)}")
    if len(checkpoint.scale) != n:
        raise SchemaError(f"expected {n} scales, found {len(checkpoint.scale)}")
    for name, shape in _expected_shapes(checkpoint).items():
        found = checkpoint.tensors()[name].shape
        if found != shape:
            raise SchemaError(f"{name}: expected shape {shape}, found {found}")
    if checkpoint.activation_fn.get("name") not in ACTIVATION_FNS:
        raise SchemaError(
            f"unknown activation_fn {checkpoint.activation_fn.get('name')!r}; "
            f"known: {', '.join(sorted(ACTIVATION_FNS))}"
        )


def _check_finite(checkpoint: Checkpoint) -> None:
    for name, array in checkpoint.tensors().items():
        if not np.isfinite(array).all():
            raise NumericalError(f"checkpoint: {name} holds NaN or infinite values")
    if not all(np.isfinite(s) and s > 0 for s in checkpoint.scale):
        raise NumericalError(f"checkpoint: scales must be positive; found {checkpoint.scale}")
