"""A crosscoder in a few lines, and what is said of arrays that do not fit it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from xc.store_schema import CheckpointSource, RequestError
from xc.train.partition import Group

if TYPE_CHECKING:
    from xc.train.crosscoder import Crosscoder


def check_rows(xs: Sequence[np.ndarray | Tensor], sources: Sequence[CheckpointSource]) -> None:
    """Activations must be one [row, d_model] per source, of equally many rows.

    Raises:
        RequestError: if they are not.
    """
    found = [tuple(x.shape) for x in xs]
    fits = len(found) == len(sources) and all(
        len(shape) == 2 and shape[1] == source.d_model and shape[0] == found[0][0]
        for shape, source in zip(found, sources, strict=True)
    )
    if not fits:
        each = ", ".join(f"[row, {s.d_model}] of {s.key}" for s in sources)
        raise RequestError(
            f"found {_shapes(found)}; expected a list of one array per source, of equally many "
            f"rows: {each}"
        )


def check_latents(f: Tensor, d_sae: int) -> None:
    """Latents must be [row, d_sae].

    Raises:
        RequestError: if they are not.
    """
    if f.ndim != 2 or f.shape[1] != d_sae:
        raise RequestError(f"found {_shapes([tuple(f.shape)])}; expected latents [row, {d_sae}]")


def _shapes(found: Sequence[tuple[int, ...]]) -> str:
    shapes = ", ".join(str(list(shape)) for shape in found)
    return f"{len(found)} array{'' if len(found) == 1 else 's'} of shape {shapes or '–'}"


def described(crosscoder: "Crosscoder") -> str:
    """Sources, latents, normalisation and groups, a line each."""
    sources = ", ".join(f"{s.key} [{s.d_model}]" for s in crosscoder.sources)
    lines = [f"sources: {sources}", _latents(crosscoder), _normalisation(crosscoder)]
    if groups := crosscoder.partition.groups:
        lines.append("groups: " + ", ".join(_group(g, crosscoder) for g in groups))
    return "\n".join(lines)


def _latents(crosscoder: "Crosscoder") -> str:
    fn = crosscoder.activation_fn
    named = [
        str(fn["name"]),
        *(f"{k} {v}" for k, v in fn.items() if k not in ("name", "code_norm")),
    ]
    named.append(f"code_norm {crosscoder.code_norm}")
    theta = crosscoder.threshold
    if crosscoder.activation.uses_threshold and not crosscoder.activation.learns_threshold:
        named.append("θ " + ", ".join(f"{t:.4g}" for t in theta.flatten().tolist()))
    return f"d_sae: {crosscoder.d_sae}, {', '.join(named)}"


def _normalisation(crosscoder: "Crosscoder") -> str:
    if crosscoder.folded:
        return "normalisation: folded into the weights; takes and gives raw activations"
    scales = ", ".join(f"{scale:.4g}" for scale in crosscoder.scale.tolist())
    less = "(x − mean)" if crosscoder.centred else "x"
    own = "; rows lose their own mean first" if any(crosscoder.centre_rows) else ""
    return f"normalisation: {less}·scale, scale {scales}{own}; gives normalised activations"


def _group(group: Group, crosscoder: "Crosscoder") -> str:
    everywhere = len(group.sources) == len(crosscoder.sources)
    keys = " and ".join(crosscoder.sources[i].key for i in group.sources)
    return f"{group.stop - group.start} {group.name}" + ("" if everywhere else f" to {keys}")
