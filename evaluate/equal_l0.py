"""Whether two crosscoders have so many latents active that their numbers can be compared."""

L0_TOLERANCE = 0.1
"""Share by which L0 may differ between runs that are compared."""


def unequal(l0: float, other: float, *, tolerance: float = L0_TOLERANCE) -> bool:
    """Whether the larger L0 is further above the smaller than the tolerance."""
    return max(l0, other) > min(l0, other) * (1 + tolerance)
