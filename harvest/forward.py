"""Forward passes that hand over the residual stream and stop right after the last wanted block."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Receive = Callable[[int, Tensor], None]
"""Called with a layer and its activations [batch, position, d_model]; then the forward goes on."""


class _Enough(Exception):  # noqa: N818 -- a signal, not an error
    """Raised inside a hook once everything wanted was seen."""


def read_residuals(
    model: nn.Module,
    blocks: nn.ModuleList,
    *,
    layers: Collection[int],
    input_ids: Tensor,
    receive: Receive,
) -> None:
    """Run a batch up to the deepest wanted layer.

    No attention mask is given: padding stands on the right, and a causal model's real positions
    do not see it.

    Args:
        model: the causal language model, in eval mode. Its head is never reached.
        blocks: its decoder blocks.
        layers: what to read; 0 … len(blocks).
        input_ids: token ids [batch, position].
        receive: gets each layer once, shallowest first.
    """
    with torch.inference_mode(), tapped(blocks, layers, receive):
        try:
            model(input_ids=input_ids, use_cache=False)
        except _Enough:
            return


@contextmanager
def tapped(blocks: nn.ModuleList, layers: Collection[int], receive: Receive) -> Iterator[None]:
    """Hooks on the blocks for as long as the context lasts; the deepest one ends the forward."""
    deepest = max(layers)
    handles = [_tap(blocks, layer, receive, last=layer == deepest) for layer in sorted(layers)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _tap(blocks: nn.ModuleList, layer: int, receive: Receive, *, last: bool) -> Any:
    def hand_over(hidden: Tensor) -> None:
        receive(layer, hidden)
        if last:
            raise _Enough

    def before(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        hand_over(args[0] if args else kwargs["hidden_states"])

    def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        hand_over(output[0] if isinstance(output, tuple | list) else output)

    if layer < len(blocks):
        return blocks[layer].register_forward_pre_hook(before, with_kwargs=True)
    return blocks[layer - 1].register_forward_hook(after)
