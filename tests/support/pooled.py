"""Tasks that tell of the process that they run in: importable there."""

import numpy as np  # noqa: F401  # whose BLAS it is
from threadpoolctl import threadpool_info

from xc.evaluate.blocks import Range


def blas_threads(_: Range) -> int:
    """Most threads of any BLAS of this process."""
    return max(int(i["num_threads"]) for i in threadpool_info() if i["user_api"] == "blas")
