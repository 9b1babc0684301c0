"""The spellings of a site, all resolved to one number: layer L, the residual stream after L blocks.

Layer 0 is the embedding output (the input of block 0); layer `n_layers` is the raw output of the
last block, before any final norm. Accepted beside plain numbers: `blocks.L.hook_resid_pre`,
`blocks.L.hook_resid_post` (layer L+1), `hidden_states[L]` for L < n_layers, and the module path of
a block, whose output is meant (`transformer.h.5` is layer 6).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from xc.store_schema import RequestError

SITE = "residual"

_NUMBER = re.compile(r"-?\d+")
_HOOK = re.compile(r"blocks\.(\d+)\.hook_resid_(pre|post)")
_HIDDEN = re.compile(r"hidden_states\[(-?\d+)\]")


@dataclass(frozen=True)
class Stack:
    """The decoder blocks of a model, as far as a site needs them."""

    model: str
    """Name of the model, for messages."""
    path: str
    """Module path of the list of blocks."""
    n_layers: int
    """Number of blocks."""


def resolve_site(spelling: str, stack: Stack) -> int:
    """The layer that a spelling means in a model.

    Raises:
        RequestError: on a spelling that means nothing here, or a layer out of range.
    """
    spelling = spelling.strip()
    for reader in _READERS:
        layer = reader(spelling, stack)
        if layer is not None:
            return _in_range(layer, spelling, stack)
    raise RequestError(
        f"layer '{spelling}' of {stack.model}: expected a number from 0 to {stack.n_layers}, "
        f"blocks.L.hook_resid_pre, blocks.L.hook_resid_post, hidden_states[L] or {stack.path}.L"
    )


def hooked_module(layer: int, stack: Stack) -> str:
    """Where a layer is read: `input of transformer.h.6`."""
    if layer < stack.n_layers:
        return f"input of {stack.path}.{layer}"
    return f"output of {stack.path}.{layer - 1}"


def _number(spelling: str, stack: Stack) -> int | None:
    return int(spelling) if _NUMBER.fullmatch(spelling) else None


def _hook_point(spelling: str, stack: Stack) -> int | None:
    found = _HOOK.fullmatch(spelling)
    if found is None:
        return None
    block = int(found[1])
    if block >= stack.n_layers:
        raise RequestError(_no_such_block(spelling, stack))
    return block + (found[2] == "post")


def _hidden_states(spelling: str, stack: Stack) -> int | None:
    found = _HIDDEN.fullmatch(spelling)
    if found is None:
        return None
    index = int(found[1])
    if index in (stack.n_layers, -1):
        raise RequestError(
            f"layer '{spelling}' of {stack.model}: the last hidden state is taken after the final "
            f"norm and is no residual stream; layer {stack.n_layers} is the last block's output"
        )
    return index


def _module_path(spelling: str, stack: Stack) -> int | None:
    tail = re.fullmatch(r"(.+)\.(\d+)", spelling)
    if tail is None or not _same_path(tail[1], stack.path):
        return None
    block = int(tail[2])
    if block >= stack.n_layers:
        raise RequestError(_no_such_block(spelling, stack))
    return block + 1


def _same_path(given: str, path: str) -> bool:
    """Whether both name the blocks; the base model's own prefix may be left out."""
    return given == path or path.endswith(f".{given}")


_READERS: tuple[Callable[[str, Stack], int | None], ...] = (
    _number,
    _hook_point,
    _hidden_states,
    _module_path,
)


def _in_range(layer: int, spelling: str, stack: Stack) -> int:
    if 0 <= layer <= stack.n_layers:
        return layer
    raise RequestError(
        f"layer {spelling} of {stack.model} is out of range: it has {stack.n_layers} blocks, "
        f"so layers go from 0 (embeddings) to {stack.n_layers} (last block's output)"
    )


def _no_such_block(spelling: str, stack: Stack) -> str:
    return (
        f"layer '{spelling}': {stack.model} has {stack.n_layers} blocks, numbered 0 to "
        f"{stack.n_layers - 1}"
    )
