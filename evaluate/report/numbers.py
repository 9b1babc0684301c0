"""How numbers are written on the page: aligned, short, a real minus, a dash for none."""

import math
import re
from collections.abc import Callable

NONE = "–"
"""What stands where there is no number."""

Format = Callable[[float], str]

NOISE = 1e-9
"""What is nearer to 1 than this is 1, but for the rounding of sums in floating point."""


def number(value: object, style: Format) -> str:
    """A value in its style; a dash for null, NaN, infinities and whatever is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NONE
    return style(float(value)).replace("-", "−")


def in_form(value: float, form: str) -> str:
    """`format`, with as many decimals more as keep a number below 1 from reading as 1: 0.9995."""
    shown = format(value, form)
    if not NOISE < 1 - abs(value) < 1 or shown.removeprefix("-") != format(1.0, form):
        return shown
    return in_form(value, re.sub(r"\.(\d+)", lambda found: f".{int(found[1]) + 1}", form))


def three(value: float) -> str:
    """Three decimals, for ratios and fractions: 0.871. What would read as 0 or 1 keeps digits."""
    if 0 < abs(value) < 0.0005:
        return f"{value:.1e}"
    return in_form(value, ".3f")


def one(value: float) -> str:
    """One decimal, for counts that are means: 31.9."""
    return f"{value:,.1f}"


def whole(value: float) -> str:
    """A count with thousands separated: 16,384."""
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """A fraction as per cent: 5.20 %; what would read as 0 % or 100 % keeps a digit."""
    shown = in_form(value, ".2%").removesuffix("%")
    return f"{100 * value:.0e} %" if value and float(shown) == 0 else f"{shown} %"


def two(value: float) -> str:
    """Two decimals, for activations: 9.83."""
    return f"{value:,.2f}"


def any_size(value: float) -> str:
    """Four significant digits, whatever the size; more where it would read as 1."""
    if value == int(value) and abs(value) < 1e9:
        return whole(value)
    return in_form(value, "#.4g").removesuffix(".")


def interval(bounds: object, style: Format) -> str:
    """`0.866 to 0.876` or `4.1 to 5.2 %` for [low, high]; empty where there is none."""
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        return ""
    low, high = (number(bound, style) for bound in bounds)
    return "" if NONE in (low, high) else f"{low.removesuffix(' %')} to {high}"
