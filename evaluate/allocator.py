"""How freed memory goes back to the system: what an evaluation takes should follow from what it
holds, not from how long it runs."""

import ctypes
import sys
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of glibc's `mallopt`."""
_LARGE = 4 << 20
"""Bytes from which an array is returned as soon as it is freed."""


@cache
def return_large_arrays() -> bool:
    """Have large arrays of this process returned when they are freed; whether that could be told.

    glibc raises its threshold to that of the largest array it saw freed, up to 32 MiB, and keeps
    smaller ones for later, in a pool for each thread: pools that fill up with holes for as long as
    blocks are read. A fixed threshold keeps arrays of many rows, and products of [d, d], out of
    them. Other allocators are left alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return False
    return all([mallopt(_MMAP_THRESHOLD, _LARGE), mallopt(_TRIM_THRESHOLD, 2 * _LARGE)])
