"""How a crosscoder starts: decoder rows of a given length, the encoder as their transpose."""

import torch
from torch import Tensor

from xc.train.crosscoder import Crosscoder


@torch.no_grad()
def initialise(
    crosscoder: Crosscoder, *, norm: float, same: bool, generator: torch.Generator
) -> None:
    """Fill the weights of a new crosscoder; biases are zero.

    Args:
        crosscoder: to fill, on any device.
        norm: length of every decoder row, per source.
        same: give sources of equal width the same rows.
        generator: of random numbers, on the CPU, so that a seed means the same on every device.
    """
    drawn: dict[int, Tensor] = {}
    for width, columns in zip(crosscoder.widths, crosscoder.columns, strict=True):
        if not same or width not in drawn:
            drawn[width] = random_rows(crosscoder.d_sae, width, norm=norm, generator=generator)
        crosscoder.W_dec[:, columns] = drawn[width].to(crosscoder.W_dec)
    crosscoder.W_enc.copy_(crosscoder.W_dec)
    crosscoder.b_enc.zero_()
    crosscoder.b_dec.zero_()


def random_rows(n: int, width: int, *, norm: float, generator: torch.Generator) -> Tensor:
    """Directions drawn uniformly from the sphere, scaled to `norm`: [n, width]."""
    rows = torch.randn(n, width, generator=generator)
    lengths: Tensor = rows.norm(dim=1, keepdim=True)
    return rows * (norm / lengths)


def geometric_median(x: Tensor, *, iterations: int = 100, tolerance: float = 1e-5) -> Tensor:
    """The point [d_model] of least summed distance to the rows of x [row, d_model], float64.

    Weiszfeld's iteration from the mean, as Minder et al.'s code runs it.
    """
    points = x.double()
    guess = points.mean(dim=0)
    for _ in range(iterations):
        weights = 1 / (points - guess).norm(dim=1).clamp_min(1e-12)
        last, guess = guess, (weights / weights.sum()) @ points
        if float((guess - last).norm()) < tolerance:
            break
    return guess


@torch.no_grad()
def centre_decoder_bias(crosscoder: Crosscoder, x: Tensor) -> None:
    """Put each source's decoder bias at the geometric median of its columns of x (normalised)."""
    for columns in crosscoder.columns:
        crosscoder.b_dec[columns] = geometric_median(x[:, columns]).to(crosscoder.b_dec)
