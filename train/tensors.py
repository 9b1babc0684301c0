"""NumPy arrays as tensors, bfloat16 included."""

import numpy as np
import torch
from torch import Tensor


def as_tensor(array: np.ndarray) -> Tensor:
    """The same values over the same memory; a read-only array is copied.

    Torch does not know NumPy's bfloat16 (of ml_dtypes), so that goes by its bits.
    """
    own = array if array.flags.writeable else array.copy()
    if own.dtype.name == "bfloat16":
        return torch.from_numpy(own.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(own)
