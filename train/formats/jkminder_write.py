"""A checkpoint in the layout of dictionary_learning, with the normaliser of its later fork."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xc.store_schema import Checkpoint, RequestError, canonical_json
from xc.store_schema.code_norms import CODE_NORMS, PER_SOURCE
from xc.train.formats import ours

_KINDS = {"relu": "CrossCoder", "batch_topk": "BatchTopKCrossCoder"}


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """`model_final.pt` and `config.json`; scale and mean become the module's normaliser.

    Raises:
        RequestError: if the widths differ, or the activation function is neither ReLU nor
            BatchTopK.
    """
    widths = sorted({s.d_model for s in checkpoint.sources})
    name = checkpoint.activation_fn["name"]
    if len(widths) > 1:
        raise RequestError(
            f"one tensor holds all sources of this layout, and they have widths {widths}; "
            "export as becker, which keeps them apart"
        )
    if name not in _KINDS:
        raise RequestError(
            f"this layout knows {' and '.join(_KINDS)}; the crosscoder has {name}; export as xc"
        )
    if checkpoint.folded:
        raise RequestError("a folded crosscoder has lost its normaliser; export its run instead")
    tensors = {**_weights(checkpoint), **_normaliser(checkpoint), **_selection(checkpoint)}
    kept = {key: torch.from_numpy(np.array(t)) for key, t in tensors.items()}
    torch.save(kept, folder / "model_final.pt")
    config = canonical_json({"trainer": _config(checkpoint)})
    (folder / "config.json").write_text(config, encoding="utf-8")


def _weights(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    encoder, bias = zip(
        *(_encoder(checkpoint, m) for m in range(checkpoint.n_sources)), strict=True
    )
    return {
        "encoder.weight": np.stack(encoder).astype(np.float32),
        "encoder.bias": (checkpoint.b_enc + sum(bias)).astype(np.float32),
        "decoder.weight": np.stack(checkpoint.W_dec),
        "decoder.bias": np.stack(checkpoint.b_dec),
    }


def _encoder(checkpoint: Checkpoint, source: int) -> tuple[np.ndarray, np.ndarray]:
    """Encoder and what is added to the encoder's bias.

    Where the mean of each row is subtracted first (x' = (Px − μ)c, P symmetric), that goes into the
    encoder: x'W = (x − μ)c·PW − (μ − Pμ)c·W.
    """
    W = checkpoint.W_enc[source].astype(np.float64)
    if not checkpoint.centre_rows[source]:
        return W, np.zeros(W.shape[1])
    mean = np.zeros(len(W)) if checkpoint.mean is None else checkpoint.mean[source]
    return W - W.mean(axis=0), -mean.mean() * checkpoint.scale[source] * W.sum(axis=0)


def _normaliser(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Buffers that give x' = (x − μ)·c: the standard deviations are equal and only stand for c."""
    n, d = checkpoint.n_sources, checkpoint.sources[0].d_model
    scale = np.array(checkpoint.scale)
    if checkpoint.mean is None and (scale == 1).all():
        off = np.full((n, d), np.nan, dtype=np.float32)
        mean, std = off, off
    else:
        zeros = np.zeros((n, d), np.float32)
        mean = zeros if checkpoint.mean is None else np.stack(checkpoint.mean)
        std = np.repeat(1 / (scale[:, None] * math.sqrt(d)), d, axis=1).astype(np.float32)
    return {
        "activation_mean": mean,
        "activation_std": std,
        "activation_global_scale": scale.astype(np.float32),
        "target_rms": np.array(1.0, dtype=np.float32),
    }


def _selection(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    code_norm = np.array(list(CODE_NORMS).index(checkpoint.code_norm) + 1)
    if checkpoint.activation_fn["name"] == "relu":
        return {"code_normalization_id": code_norm}
    shape = (checkpoint.n_sources,) if checkpoint.code_norm == PER_SOURCE else ()
    return {
        "code_normalization_id": code_norm,
        "k": np.array(checkpoint.activation_fn.get("k", 1), dtype=np.int32),
        "threshold": np.asarray(checkpoint.threshold, dtype=np.float32).reshape(shape),
    }


def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    sources = checkpoint.sources
    k = {"k": checkpoint.activation_fn["k"]} if "k" in checkpoint.activation_fn else {}
    return {
        "dict_class": _KINDS[checkpoint.activation_fn["name"]],
        "activation_dim": sources[0].d_model,
        "dict_size": checkpoint.d_sae,
        "num_layers": len(sources),
        "layer": sources[0].layer - 1,
        "lm_name": "-".join(s.model for s in reversed(sources)),
        "submodule_name": ", ".join(s.key for s in sources),
        "code_normalization": checkpoint.code_norm.upper(),
        "target_rms": 1.0,
        "keep_relative_variance": True,
        **k,
        **ours.about(checkpoint),
    }
