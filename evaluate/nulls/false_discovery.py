"""What share of a class is false, estimated from a control in which all of it is."""

from scipy.special import gammainccinv, gammaincinv

LEVEL = 0.95


def false_discovery_rate(
    observed: int, false: float, *, alive: int, alive_in_control: int
) -> float | None:
    """min(1, false · alive / alive_in_control / observed); None if nothing was observed.

    The control says how many latents of a class appear where there are none to find; a dictionary
    with more latents alive has as many times more of them. As nothing is taken off for what is true
    among the observed, it is an upper estimate wherever the control makes as many mistakes as the
    run does (Storey's estimate with π₀ = 1).

    Args:
        observed: latents of the class in the run.
        false: latents of the class in the control; a mean where there are several.
        alive: latents that fire, in the run.
        alive_in_control: the same in the control.
    """
    if observed == 0 or alive_in_control == 0:
        return None
    return min(1.0, false * alive / alive_in_control / observed)


def count_interval(total: int, exposures: int = 1) -> tuple[float, float]:
    """95 % interval of the mean of Poisson counts, given their total (Garwood 1936; exact).

    A total of none over one exposure still allows a mean of 3.7.

    Args:
        total: sum of the counts.
        exposures: how many counts were added.
    """
    tail = (1 - LEVEL) / 2
    low = gammaincinv(total, tail) if total else 0.0
    return float(low) / exposures, float(gammainccinv(total + 1, tail)) / exposures
