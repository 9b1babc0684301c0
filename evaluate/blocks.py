"""Cutting row ranges into tasks and tiles, always at the same absolute rows."""

from collections.abc import Sequence
from itertools import pairwise

Range = tuple[int, int]


def cut(start: int, stop: int, size: int) -> tuple[Range, ...]:
    """[start, stop) cut at multiples of `size`: no cut depends on where the range begins."""
    borders = [start, *range((start // size + 1) * size, stop, size), stop]
    return tuple((a, b) for a, b in pairwise(borders) if b > a)


def cut_all(ranges: Sequence[Range], size: int) -> tuple[Range, ...]:
    """Several ranges cut likewise, in order."""
    return tuple(piece for a, b in ranges for piece in cut(a, b, size))
