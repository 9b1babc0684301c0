"""The worlds that planted.py measures: those of artefacts.py, and a small one of three sources.

Latents that never fire, encoders and roles of tokens are planted on top of the former; neither rows
nor what is trained on them is changed by that.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ml_dtypes
import numpy as np
from artefacts import NOISE, WORLDS
from dictionary_runs import Dictionary

from xc.evaluate.nulls.planted import LENGTH, A, B, lengthened, summed

C = "gamma@1"
TOPIC = "template"
SILENT = 8
"""Latents of written dictionaries that never fire."""
ENCODER_COSINE = 0.8
"""Of the planted encoders of latents that two sources hold."""
USER, ASSISTANT, TEMPLATE = 1, 2, 3
HELDOUT, TRAINED_ON = 102_400, 4_096
"""Rows of the world of three sources."""
SINKS: Mapping[str, tuple[int, ...]] = {A: (320, 640, 960, 1280, 1600), B: (320, 3200), C: ()}
"""Its attention sinks: places among held-out rows."""
WHISPER = 1e-5
"""Activation of a latent that Minder's rule calls dead."""


@dataclass(frozen=True)
class Scene:
    """A world as it is measured."""

    truth: Dictionary
    """With bias and encoders; silent latents are last."""
    rows: Mapping[str, np.ndarray]
    """By source, as the store holds them."""
    kind: np.ndarray
    """str [latent]."""
    about: np.ndarray
    """bool [latent]: latents about the template."""
    role: np.ndarray
    """uint8 [row]."""
    artefact: Callable[[tuple[float, float]], Dictionary] | None = None
    """Of the scales of normalisation."""
    text: Mapping[str, Any] | None = None
    """Further fields of the plan of the store."""
    sinks: Mapping[str, np.ndarray] | None = None
    """By source, rows that are attention sinks."""
    trained: bool = True
    """Whether crosscoders are trained on it."""

    @property
    def kinds(self) -> dict[str, np.ndarray]:
        """Latents of each kind that columns are told of, bool [latent]."""
        named = {str(k): self.kind == k for k in dict.fromkeys(self.kind)}
        return {**named, TOPIC: self.about}


def of_artefacts(name: str) -> Scene:
    """A world of artefacts.py: the same rows."""
    world = WORLDS[name]()
    again = np.random.default_rng(9), np.random.default_rng(9)
    # Drawn twice: rows, and with neither directions nor noise the offsets alone.
    rows = {k: _stored(summed(world.truth.codes, w, NOISE, again[0]))
            for k, w in zip((A, B), world.truth.W, strict=True)}  # fmt: skip
    bias = [summed(world.truth.codes, 0 * w, 0.0, again[1])[0] for w in world.truth.W]
    truth = replace(_completed(world.truth), bias=tuple(b.astype(np.float64) for b in bias))
    kind = np.array([*_kinds(world.truth.W), *["silent"] * SILENT])
    artefact = world.artefact and (lambda scales: _completed(world.artefact(world.truth, scales)))
    about = (kind == "b_only") & (np.cumsum(kind == "b_only") <= (kind == "b_only").sum() // 4)
    return Scene(truth, rows, kind, about, _roles(truth.codes[:, about]), artefact)


def _stored(rows: np.ndarray) -> np.ndarray:
    """Rounded as the store will: what it holds is what is planted."""
    return np.asarray(rows.astype(ml_dtypes.bfloat16).astype(np.float32))


def _kinds(W: tuple[np.ndarray, ...]) -> Iterator[str]:
    for a, b in zip(*(np.linalg.norm(w, axis=1) for w in W), strict=True):
        if a == 0 or b == 0:
            yield "b_only" if a == 0 else "a_only"
        else:
            yield "shared" if np.isclose(a, b) else "faint_in_a" if a < b else "faint_in_b"


def _roles(about: np.ndarray) -> np.ndarray:
    """Tokens of a template wherever one of some latents fires, and now and then elsewhere."""
    rng = np.random.default_rng(10)
    role = rng.choice((USER, ASSISTANT, TEMPLATE), len(about), p=(0.45, 0.45, 0.1))
    return np.where((about > 0).any(axis=1), TEMPLATE, role).astype(np.uint8)


def _completed(d: Dictionary) -> Dictionary:
    """With encoders, and latents behind the others that never fire, of unrelated directions.

    The encoder of A is the direction, that of B is turned away from it by one angle.
    """
    rng = np.random.default_rng(11)
    silent = [lengthened(rng.normal(size=(SILENT, w.shape[1]))) for w in d.W]
    W = tuple(np.concatenate([w, extra]) for w, extra in zip(d.W, silent, strict=True))
    codes = np.concatenate([d.codes, np.zeros((len(d.codes), SILENT))], axis=1)
    concept = np.concatenate([d.concept, d.concept.max() + 1 + np.arange(SILENT)])
    turned = turned_away(W[1], ENCODER_COSINE, rng)
    return replace(d, W=W, codes=codes, concept=concept, encoders=(W[0], turned))


def turned_away(rows: np.ndarray, cosine: float, rng: np.random.Generator) -> np.ndarray:
    """Rows of the same lengths, each at this cosine to the one it was; 0 stays 0."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    aside = rng.normal(size=rows.shape)
    aside -= np.vecdot(aside, unit)[:, None] * unit
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    return np.asarray(lengths * (cosine * unit + math.sqrt(1 - cosine**2) * aside))


LENGTHS: tuple[tuple[str, int, tuple[float, float, float]], ...] = (
    ("everywhere", 6, (1, 1, 1)),
    ("a_only", 3, (1, 0, 0)),
    ("c_only", 3, (0, 0, 1)),
    ("from_b_on", 4, (0, 1, 1)),
    ("fading", 3, (1, 0.4, 0.05)),
    ("whisper", 1, (1, 1, 1)),
    ("rare", 1, (1, 1, 1)),
    ("silent", 2, (1, 1, 1)),
)
"""Of the world of three sources: kinds of latents, how many, and their length in each source."""
WIDTHS = (8, 8, 6)
TURNED = 0.6
"""Cosine of a latent's directions in A and B there."""


def three() -> Scene:
    """Three sources, one of them narrower; every shape of a latent over them; attention sinks."""
    rng = np.random.default_rng(3)
    kind = np.repeat([k for k, _, _ in LENGTHS], [n for _, n, _ in LENGTHS])
    lengths = np.repeat([x for _, _, x in LENGTHS], [n for _, n, _ in LENGTHS], axis=0)
    W = [lengthened(rng.normal(size=(len(kind), width))) for width in WIDTHS]
    W[1] = turned_away(W[0], TURNED, rng)
    W = [w * x[:, None] for w, x in zip(W, lengths.T, strict=True)]
    n = HELDOUT + TRAINED_ON
    fires = rng.random((n, len(kind))) < 0.08
    codes = np.where(fires, rng.gamma(4.0, 0.5, fires.shape), 0) * (kind != "silent")
    codes[:, kind == "whisper"] = WHISPER * fires[:, kind == "whisper"]
    codes[:, kind == "rare"] = 0
    codes[TRAINED_ON + 77, kind == "rare"] = 2.0
    codes = codes.astype(np.float32).astype(np.float64)
    again = np.random.default_rng(4), np.random.default_rng(4)
    keys = (A, B, C)
    rows = {k: summed(codes, w, NOISE, again[0]) for k, w in zip(keys, W, strict=True)}
    bias = [summed(codes, 0 * w, 0.0, again[1])[0].astype(np.float64) for w in W]
    for key, places in SINKS.items():
        rows[key][[TRAINED_ON + i for i in places]] *= 100
    truth = Dictionary(
        tuple(W), codes, np.arange(len(kind)), tuple(bias), tuple(W), partition=_partition(kind)
    )
    return Scene(
        truth, {k: _stored(x) for k, x in rows.items()}, kind,
        kind == "c_only", _roles(codes[:, kind == "c_only"]),
        text={"split": (np.arange(n // LENGTH) >= TRAINED_ON // LENGTH).astype(np.uint8)},
        sinks={k: np.array(v, int) + TRAINED_ON for k, v in SINKS.items()}, trained=False,
    )  # fmt: skip


def _partition(kind: np.ndarray) -> tuple[dict[str, Any], ...]:
    """The latents of all sources, those of A and of C alone, and the rest, which is plain."""
    stops = np.cumsum([n for _, n, _ in LENGTHS])[:3].tolist()
    names = (("shared", [0, 1, 2]), ("exclusive", [0]), ("exclusive", [2]), ("plain", [0, 1, 2]))
    starts, ends = [0, *stops], [*stops, len(kind)]
    return tuple(
        {"name": name, "start": i, "stop": j, "sources": of, "penalty": 1.0, "tied": False}
        for (name, of), i, j in zip(names, starts, ends, strict=True)
    )


SCENES: dict[str, Callable[[], Scene]] = {
    **{name: lambda name=name: of_artefacts(name) for name in WORLDS},  # type: ignore[misc]
    "three": three,
}
