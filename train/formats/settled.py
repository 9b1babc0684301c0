"""From a draft to a checkpoint: which models and sites, what scale, whether rows are centred."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xc.store_schema import Checkpoint, CheckpointSource, RequestError, source_key
from xc.train.formats.kinds import Draft, Imported, Origin, Parts, Wishes
from xc.train.formats.mismatch import Said, mismatches
from xc.train.formats.names import has_layer_norm, layer_of, model_of, site_of

SourceOf = Callable[[str, int], CheckpointSource]
"""(key, width) -> the source of that key, as a store has it."""

_WRITTEN = re.compile(r"(blocks\.)?\d+\.(hook_)?(attn_out|mlp_out)")


def settle(
    draft: Draft, parts: Parts, wishes: Wishes, *, source_of: SourceOf | None = None
) -> Imported:
    """A checkpoint out of a draft.

    Args:
        draft: what the file says.
        parts: the file.
        wishes: what was asked for; wins over the file.
        source_of: a store's sources, where there is a store.

    Raises:
        RequestError: if something that is needed is neither in the file nor asked for.
        SchemaError: if the tensors do not fit together.
    """
    sources = _sources(draft, parts, wishes, source_of)
    centred, more = _centring(draft, wishes, sources)
    if wishes.measure is not None:
        measured = wishes.measure([s.key for s in sources], centred)
        wishes = replace(wishes, scale=measured)
        more = (*more, f"scale taken from the store: {', '.join(f'{c:.6g}' for c in measured)}")
    scale, told = _scale(draft, parts, wishes)
    checkpoint = Checkpoint(
        sources=sources,
        activation_fn=draft.activation_fn,
        threshold=draft.threshold,
        centre_rows=centred,
        **_weights(draft, scale),
    )
    said = [Said(o.model, o.site) for o in draft.origins]
    other = mismatches(said, sources) if source_of is not None else ()
    return Imported(checkpoint, "", (*draft.notes, *other, *more, *told))


def _weights(draft: Draft, scale: tuple[float, ...]) -> dict[str, Any]:
    """Weights as normalised in training; those of a folded draft are taken back to there."""
    factors = scale if draft.folded else (1.0,) * len(scale)
    pairs = list(zip(draft.W_enc, draft.W_dec, draft.b_dec, factors, strict=True))
    return {
        "W_enc": tuple(_times(e, 1 / c) for e, _, _, c in pairs),
        "b_enc": draft.b_enc,
        "W_dec": tuple(_times(d, c) for _, d, _, c in pairs),
        "b_dec": tuple(_times(b, c) for _, _, b, c in pairs),
        "scale": scale,
        "mean": None if draft.mean is None else tuple(draft.mean),
    }


def _times(values: np.ndarray, factor: float) -> np.ndarray:
    """Rounded once; large arrays that stay as they are are not copied."""
    return values if factor == 1 else (values.astype(np.float64) * factor).astype(np.float32)


def _sources(
    draft: Draft, parts: Parts, wishes: Wishes, source_of: SourceOf | None
) -> tuple[CheckpointSource, ...]:
    n, widths = len(draft.W_enc), [len(w) for w in draft.W_enc]
    for option, given in (("--sources", wishes.sources), ("--models", wishes.models)):
        if given and len(given) != n:
            raise RequestError(f"{parts.where} holds {n} sources; {option} names {len(given)}")
    keys = wishes.sources or _keys(draft.origins, parts, wishes.models)
    if source_of is not None:
        return tuple(source_of(k, d) for k, d in zip(keys, widths, strict=True))
    known = wishes.models or [o.model for o in draft.origins]
    pairs = zip(keys, known, widths, strict=True)
    return tuple(_source(key, model, width) for key, model, width in pairs)


def _keys(origins: Sequence[Origin], parts: Parts, models: Sequence[str]) -> tuple[str, ...]:
    """Keys made of models and sites."""
    keys = []
    for i, origin in enumerate(origins):
        model = models[i] if models else origin.model and model_of(origin.model)
        site = site_of(origin.site or "")
        if model is None or site is None:
            missing = "model" if model is None else "site"
            found = "" if origin.site is None or model is None else f" ('{origin.site:.60}')"
            raise RequestError(
                f"{parts.where} does not name the {missing} of source {i + 1} of {len(origins)}"
                f"{found}; give --sources, one key each in the file's order: "
                "--sources gpt2@6,distilgpt2@3"
            )
        keys.append(source_key(model, site[2]))
    return tuple(keys)


def _source(key: str, model: str | None, width: int) -> CheckpointSource:
    """A source that no store has been asked for."""
    name, _, label = key.rpartition("@")
    site = site_of(label)
    if not name or not label:
        raise RequestError(f"source '{key:.80}': expected MODEL@LAYER, as in gpt2@6")
    kind, layer, _ = site if site else ("module", -1, label)
    full = model_of(model) if model and source_key(model_of(model), label) == key else None
    return CheckpointSource(key, full or name.replace("--", "/"), None, layer, kind, width)


def _centring(
    draft: Draft, wishes: Wishes, sources: Sequence[CheckpointSource]
) -> tuple[tuple[bool, ...], tuple[str, ...]]:
    """Per source, whether each row's own mean is subtracted, and what is to be said of it."""
    if wishes.centre_rows is not None:
        return (wishes.centre_rows,) * len(sources), ()
    told = [_lens_centred(o, s.model) for o, s in zip(draft.origins, sources, strict=True)]
    notes = []
    if unknown := [s.key for s, centred in zip(sources, told, strict=True) if centred is None]:
        notes.append(
            f"trained on TransformerLens activations; whether {', '.join(unknown)} has LayerNorm, "
            "and so was centred, is not known here: give --centre-rows if so"
        )
    if centred := [s.key for s, c in zip(sources, told, strict=True) if c]:
        notes.append(
            f"TransformerLens centres the residual stream of {', '.join(centred)}, Hugging Face "
            "models do not: each row's mean is subtracted before encoding (--no-centre-rows: not)"
        )
    return tuple(c is True for c in told), tuple(notes)


def _lens_centred(origin: Origin, model: str) -> bool | None:
    """Whether activations of a source were centred in training; None: nobody knows."""
    if origin.centred is not None:
        return origin.centred
    residual = origin.site is None or layer_of(origin.site) is not None
    if not origin.lens or not (residual or _WRITTEN.fullmatch(origin.site or "")):
        return False
    normed = has_layer_norm(model)
    if origin.lens_centres is None:
        return normed
    return origin.lens_centres and normed is not False


def _scale(draft: Draft, parts: Parts, wishes: Wishes) -> tuple[tuple[float, ...], tuple[str, ...]]:
    n = len(draft.W_enc)
    if wishes.scale and len(wishes.scale) != n:
        raise RequestError(
            f"{parts.where} holds {n} sources; --scale has {len(wishes.scale)} numbers"
        )
    if wishes.scale and draft.folded:
        raise RequestError(f"{parts.where} takes raw activations already; leave --scale out")
    if wishes.scale and draft.scale not in (None, wishes.scale):
        return wishes.scale, (f"scale {draft.scale} of the file was replaced by {wishes.scale}",)
    if wishes.scale:
        return wishes.scale, ()
    if draft.scale is None:
        raise RequestError(
            f"{parts.where} was trained on activations times a factor per source that it does not "
            "hold; give --scale C_A,C_B (√d_model over the mean length of the training rows), "
            "--scale store to take them from --store, or --scale 1,1 if there was none"
        )
    return draft.scale, () if draft.scale_note is None else (draft.scale_note,)
