"""Kissane et al., and those who build on their code: one tensor for all models of equal width.

    W_enc [model, d_model, latent]   b_enc [latent]
    W_dec [latent, model, d_model]   b_dec [model, d_model]

`cc_weights.pt` beside `cfg.json` on the Hub, `version_N/K.pt` beside `K_cfg.json` after training.
The weights act on activations times √d_model over their mean length, a factor per model that the
files do not hold. ReLU; forks that train with BatchTopK add `k` and `threshold`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xc.store_schema import Checkpoint, RequestError, canonical_json
from xc.train.formats import ours
from xc.train.formats.finding import best_of_each_folder, neighbour
from xc.train.formats.kinds import Config, Draft, Format, Origin, Parts, text_of

_PUBLISHED = "ckkissane/crosscoder-gemma-2-2b-model-diff"
_PUBLISHED_SCALE = (0.2758961493232058, 0.24422852496546169)
"""Factors of base and chat model for the published crosscoder, from the notebook beside it."""
_PUBLISHED_SHAPE = (2, 2304, 16384)
_PUBLISHED_CONFIG = {"model_name": "gemma-2-2b", "hook_point": "blocks.14.hook_resid_pre"}
_SNAPSHOT = f"/models--{_PUBLISHED.replace('/', '--')}/snapshots/"
"""In the path of what the Hub's client has fetched of it."""

NICKNAMES: dict[str, tuple[str, ...]] = {
    "gpt2-137m-88m": ("gpt2", "distilgpt2"),
    "pythia-160m-70m": ("pythia-160m", "pythia-70m"),
    "gpt2-137m": ("gpt2", "gpt2"),
    "gpt2-88m": ("distilgpt2", "distilgpt2"),
    "pythia-160m": ("pythia-160m", "pythia-160m"),
    "pythia-70m": ("pythia-70m", "pythia-70m"),
}
"""Models behind `model_name` where it is only a name for checkpoints (Becker et al.)."""


def find(names: Sequence[str]) -> tuple[str, ...]:
    """`cc_weights.pt`, or the last `K.pt` of each folder."""
    return best_of_each_folder(names, _rank)


def _rank(name: str) -> float | None:
    if name == "cc_weights.pt":
        return math.inf
    found = re.fullmatch(r"(\d+)\.pt", name)
    return float(found[1]) if found else None


def beside(weights: str) -> tuple[str, ...]:
    """`cfg.json`, or `K_cfg.json` of `K.pt`."""
    return neighbour(weights, "cfg.json"), weights.removesuffix(".pt") + "_cfg.json"


def fits(tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether encoders and decoders of all models are one tensor each."""
    return {"W_enc", "W_dec", "b_dec"} <= tensors.keys() and tensors["W_enc"].ndim == 3


def read(parts: Parts) -> Draft:
    """Models apart."""
    W_enc = parts.take("W_enc", None, None, None)
    n, d_model, d_sae = W_enc.shape
    W_dec = parts.take("W_dec", d_sae, n, d_model)
    return Draft(
        W_enc=tuple(W_enc),
        b_enc=parts.take("b_enc", d_sae),
        W_dec=tuple(W_dec.swapaxes(0, 1)),
        b_dec=tuple(parts.take("b_dec", n, d_model)),
        origins=origins(config_of(parts), n),
        **normaliser(parts, n),
        **activation(parts),
    )


def config_of(parts: Parts) -> Config:
    """The one configuration beside the weights."""
    return parts.config(*parts.configs)


def activation(parts: Parts) -> dict[str, Any]:
    """Fields of a draft for ReLU, or for BatchTopK where there is a threshold."""
    if "threshold" not in parts.tensors:
        return {"activation_fn": {"name": "relu"}}
    fn = {"name": "batch_topk", "k": parts.k(config_of(parts))}
    return {"activation_fn": fn, "threshold": float(parts.take("threshold"))}


def origins(cfg: Config, n: int) -> tuple[Origin, ...]:
    """Models and sites that the configuration names, one for each source."""
    if (told := ours.origins(cfg, n)) is not None:
        return told
    models = models_of(cfg, n)
    letters = [chr(ord("A") + i) for i in range(n)]
    sites = [cfg.get(f"hook_point_{letter}", cfg.get("hook_point")) for letter in letters]
    return tuple(Origin(m, text_of(s), lens=True) for m, s in zip(models, sites, strict=True))


def models_of(cfg: Config, n: int) -> tuple[str | None, ...]:
    """Base and chat model of `gemma-2-2b`; of a nickname, the models that it stands for."""
    name = str(cfg.get("model_name", ""))
    found: tuple[str | None, ...] = NICKNAMES.get(name, ())
    if name.startswith("gemma-"):
        found = (name, f"{name}-it")
    return found if len(found) == n else (None,) * n


def normaliser(parts: Parts, n: int) -> dict[str, Any]:
    """Fields of a draft: factors of the published crosscoder, those of an export, or unknown ones.

    Raises:
        SchemaError: if an export's factors are no positive numbers, one per source.
    """
    if (scale := ours.scale(config_of(parts), n, where=parts.where)) is not None:
        return {"scale": scale, "folded": True}
    if not (n == len(_PUBLISHED_SCALE) and _is_published(parts)):
        return {"scale": None}
    shown = ", ".join(f"{c:.5f}" for c in _PUBLISHED_SCALE)
    note = f"scale {shown} is the published one of {_PUBLISHED}; --scale replaces it"
    return {"scale": _PUBLISHED_SCALE, "scale_note": note}


def _is_published(parts: Parts) -> bool:
    """Whether this is the published crosscoder: its repository, or a folder of its name and files.

    Its code trains others of the same shape, so that the files alone do not tell.
    """
    where = Path(parts.where).absolute()
    if parts.repository is not None or _SNAPSHOT in where.as_posix():
        return parts.repository in (None, _PUBLISHED)
    cfg, W_enc = config_of(parts), parts.tensors.get("W_enc")
    return (
        _PUBLISHED.split("/")[1] in where.parts
        and W_enc is not None
        and W_enc.shape == _PUBLISHED_SHAPE
        and all(cfg.get(name) == value for name, value in _PUBLISHED_CONFIG.items())
    )


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """`cc_weights.pt` and `cfg.json`, on raw activations: scale and mean folded into the weights.

    Raises:
        RequestError: if the widths differ, or the activation function is not ReLU.
    """
    widths = {s.d_model for s in checkpoint.sources}
    if len(widths) > 1:
        raise RequestError(
            f"one tensor holds all sources of this layout, and they have widths {sorted(widths)}; "
            "export as becker, which keeps them apart"
        )
    folded = foldable(checkpoint)
    tensors = {
        "W_enc": np.stack(folded.W_enc),
        "b_enc": folded.b_enc,
        "W_dec": np.stack(folded.W_dec, axis=1),
        "b_dec": np.stack(folded.b_dec),
    }
    cfg = {"d_in": widths.pop(), "hook_point": hook_point(checkpoint, 0)}
    save(folder, tensors, {**cfg, **common(checkpoint)})


def foldable(checkpoint: Checkpoint) -> Checkpoint:
    """The same on raw activations.

    Raises:
        RequestError: if the layout has no place for the activation function.
    """
    if (name := checkpoint.activation_fn["name"]) != "relu":
        raise RequestError(
            f"this layout is for ReLU alone, and the crosscoder has {name}; export as "
            f"{'jkminder or xc' if name == 'batch_topk' else 'xc'}"
        )
    return checkpoint.fold()


def hook_point(checkpoint: Checkpoint, source: int) -> str:
    """TransformerLens' name of a source's site."""
    s = checkpoint.sources[source]
    return f"blocks.{s.layer}.hook_{'resid_pre' if s.site == 'residual' else s.site}"


def common(checkpoint: Checkpoint) -> dict[str, Any]:
    """The keys that both layouts of this family have, and what theirs lack."""
    return {
        "dict_size": checkpoint.d_sae,
        "enc_dtype": "fp32",
        "device": "cpu",
        "seed": 0,
        "dec_init_norm": 0.08,
        "site": "resid_pre",
        "model_name": " and ".join(s.model for s in checkpoint.sources),
        **ours.about(checkpoint),
    }


def save(folder: Path, tensors: Mapping[str, np.ndarray], cfg: Config) -> None:
    """Write weights and configuration under the names of the Hub."""
    kept = {name: torch.from_numpy(np.array(t)) for name, t in tensors.items()}
    torch.save(kept, folder / "cc_weights.pt")
    (folder / "cfg.json").write_text(canonical_json(dict(cfg)), encoding="utf-8")


KISSANE = Format(
    "kissane",
    "crosscoder-model-diff-replication: cc_weights.pt or version_N/K.pt",
    find,
    beside,
    fits,
    read,
    write,
)
