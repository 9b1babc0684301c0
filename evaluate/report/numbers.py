"""How numbers are written on the page: aligned, short, a real minus, a dash for none."""

import math
from collections.abc import Callable

NONE = "–"
"""What stands where there is no number."""

Format = Callable[[float], str]


def number(value: object, style: Format) -> str:
    """A value in its style; a dash for null, NaN, infinities and whatever is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NONE
    return style(float(value)).replace("-", "−")


def three(value: float) -> str:
    """Three decimals, for ratios and fractions: 0.871. A nonzero value below that keeps digits."""
    return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.1e}"


def one(value: float) -> str:
    """One decimal, for counts that are means: 31.9."""
    return f"{value:,.1f}"


def whole(value: float) -> str:
    """A count with thousands separated: 16,384."""
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """A fraction as per cent: 5.20 %; a nonzero one below 0.01 % keeps a digit."""
    shown = f"{100 * value:.2f}"
    return f"{100 * value:.0e} %" if value and float(shown) == 0 else f"{shown} %"


def two(value: float) -> str:
    """Two decimals, for activations: 9.83."""
    return f"{value:,.2f}"


def any_size(value: float) -> str:
    """Four significant digits, whatever the size."""
    if value == int(value) and abs(value) < 1e9:
        return whole(value)
    return f"{value:#.4g}".removesuffix(".")


def interval(bounds: object, style: Format) -> str:
    """`0.866 to 0.876` for [low, high]; empty where there is none."""
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        return ""
    low, high = (number(bound, style) for bound in bounds)
    return "" if NONE in (low, high) else f"{low} to {high}"
