"""What turns pre-activations into latents at inference: one row of the table per function.

Training-time forms (the batch's top k, straight-through gradients) live in `xc.train`; what a
published crosscoder computes is here, in NumPy, and is what the torch module is tested against.
"""

from collections.abc import Callable

import numpy as np

from xc.store_schema.errors import SchemaError

ActivationFn = Callable[[np.ndarray, np.ndarray, float | None], np.ndarray]
"""(pre [rows, d_sae], norm_sum [d_sae], threshold) -> f [rows, d_sae]."""


def relu(pre: np.ndarray, norm_sum: np.ndarray, threshold: float | None) -> np.ndarray:
    """max(pre, 0)."""
    f: np.ndarray = np.maximum(pre, 0)
    return f


def batch_topk(pre: np.ndarray, norm_sum: np.ndarray, threshold: float | None) -> np.ndarray:
    """Keep f where v = f·Σ‖d‖ is above the threshold (Minder et al., BatchTopK at inference)."""
    if threshold is None:
        raise SchemaError("batch_topk needs a threshold; the checkpoint has none")
    f = relu(pre, norm_sum, None)
    return np.where(f * norm_sum > np.float32(threshold), f, np.float32(0))


ACTIVATION_FNS: dict[str, ActivationFn] = {"relu": relu, "batch_topk": batch_topk}
