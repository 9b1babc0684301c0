"""What turns pre-activations into latents: one file and one row of the table per function."""

from xc.train.activation_fns.batch_topk import BATCH_TOPK
from xc.train.activation_fns.kinds import ActivationFn, Selection
from xc.train.activation_fns.relu import RELU

ACTIVATION_FNS: dict[str, ActivationFn] = {fn.name: fn for fn in (RELU, BATCH_TOPK)}

OF_SPARSITY: dict[str, ActivationFn] = {"l1": RELU, "batch_topk": BATCH_TOPK}
"""The activation function behind each value of `TrainConfig.sparsity`."""

__all__ = ["ACTIVATION_FNS", "OF_SPARSITY", "ActivationFn", "Selection"]
