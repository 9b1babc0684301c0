"""Red to green for numbers of which 0 is unlike and 1 alike, as in Becker et al., Fig. 8."""

import math

_LIGHTNESS = 80
"""Per cent: dark ink reads on every shade of it."""


def shade(value: float | None) -> str:
    """A CSS colour for a value in [0, 1]; values outside take the nearer end; empty for none."""
    if value is None or not math.isfinite(value):
        return ""
    hue = 130 * min(max(value, 0.0), 1.0)
    return f"hsl({hue:.0f} 60% {_LIGHTNESS}%)"
