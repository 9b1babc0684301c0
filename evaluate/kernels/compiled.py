"""Loops compiled by numba, for one thread each: Dask's tasks are what runs side by side."""

from collections.abc import Callable
from typing import Any

import numba

Kernel = Callable[..., Any]

_REORDER = {"reassoc", "contract", "nsz"}
"""Sums may be reordered, once for all when compiled. NaN and infinity keep their meaning."""


def compiled(function: Kernel) -> Kernel:
    """Compile at the first call; the code stays on disk for the next process.

    A kernel may call only kernels of its own file: numba looks at no other one to see whether what
    it kept is out of date.
    """
    made: Kernel = numba.njit(nogil=True, cache=True, fastmath=_REORDER, error_model="numpy")(
        function
    )
    return made
