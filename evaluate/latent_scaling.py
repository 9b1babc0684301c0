"""Latent scaling (Minder et al., in closed form): β's, ν's and what they improve.

β_j(y_m, t) = ⟨d_j^t, Σ f_j y_m⟩ / (Σ f_j² ‖d_j^t‖²): the least-squares factor by which latent j,
written along the decoder direction of source t, explains a target y of source m. All arrays are
[latent, source m, direction t]; NaN for dead latents, zero directions and unequal widths.

Where sources have gates (`decoupled`), f is the activation of the code all the same; x̂_m holds, and
the residual is given back, what source m decodes of it.
"""

from collections.abc import Sequence

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock

RESIDUAL, XHAT, SQUARES, FIRST = "residual_along", "xhat_along", "squares", "sums"
DECODED = "decoded_squares"
ACTIVATION, WHOLE, WHOLE_NO_BIAS = "activation_along", "whole", "whole_no_bias"
_NOISE = 1e-12


def residual_sums(block: RowBlock) -> Sums:
    """Σ f⟨e, d⟩, Σ f², and Σ f² of what each source decodes."""
    return {
        RESIDUAL: block.residual_along,
        SQUARES: block.latents.squares,
        DECODED: block.decoded_squares,
    }


def xhat_sums(block: RowBlock) -> Sums:
    """Σ f⟨x̂, d⟩ and Σ f²."""
    return {XHAT: block.xhat_along, SQUARES: block.latents.squares}


def activation_sums(block: RowBlock) -> Sums:
    """Σ f⟨x, d⟩ (x = e + x̂), Σ f² and Σ f, and Σ‖x‖² and Σ‖x − b‖² of each source."""
    return {
        ACTIVATION: block.residual_along + block.xhat_along,
        SQUARES: block.latents.squares,
        FIRST: block.latents.sums,
        WHOLE: _squares_around(block, [np.zeros_like(b) for b in block.decoder.b]),
        WHOLE_NO_BIAS: _squares_around(block, block.decoder.b),
    }


def _squares_around(block: RowBlock, points: Sequence[np.ndarray]) -> np.ndarray:
    """Σ‖x − p‖² of each source, float64 [source], from the sums around the block's centre."""
    offsets = [c - p for c, p in zip(block.centre, points, strict=True)]
    spread = block.deviation.sum(axis=0)
    spread = spread + block.n_rows * np.array([o @ o for o in offsets])
    found = spread + 2 * np.array([s @ o for s, o in zip(block.shift, offsets, strict=True)])
    # Next to nothing beside what it is the difference of: rows that are all p, and rounding.
    return np.where(found > _NOISE * spread, found, 0.0)


def error_numerator(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ f⟨y, d^t⟩ for y = x_m − (x̂_m − f d^m): the residual with the latent put back by algebra."""
    put_back = sums[DECODED][:, :, None] * facts.decoder.products
    return np.asarray(put_back + sums[RESIDUAL])


def xhat_numerator(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ f⟨y, d^t⟩ for y = x̂_m, bias and latent included."""
    return np.where(np.isnan(facts.decoder.products), np.nan, sums[XHAT])


def activation_numerator(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ f⟨y, d^t⟩ for y = x_m."""
    return np.where(np.isnan(facts.decoder.products), np.nan, sums[ACTIVATION])


def no_bias_numerator(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ f⟨y, d^t⟩ for y = x_m − b_m."""
    bias = sums[FIRST][:, None, None] * facts.decoder.biases_along
    return np.asarray(activation_numerator(sums, facts) - bias)


def of_every_latent(whole: np.ndarray, facts: Facts) -> np.ndarray:
    """A number of each source as one of each latent too, float64 [latent, source]."""
    return np.broadcast_to(whole, (facts.decoder.d_sae, facts.decoder.n_sources))


def activation_before(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ‖y‖² for y = x_m, float64 [latent, source]."""
    return of_every_latent(sums[WHOLE], facts)


def no_bias_before(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ‖y‖² for y = x_m − b_m, float64 [latent, source]."""
    return of_every_latent(sums[WHOLE_NO_BIAS], facts)


def energy(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ f² ‖d^t‖², float64 [latent, 1, t]; NaN where it is zero."""
    whole = sums[SQUARES][:, None] * facts.decoder.norms**2
    return np.where(whole > 0, whole, np.nan)[:, None, :]


def beta(numerator: np.ndarray, sums: Sums, facts: Facts) -> np.ndarray:
    """The least-squares factor, float64 [latent, m, t]."""
    factors: np.ndarray = numerator / energy(sums, facts)
    return factors


def improvement(numerator: np.ndarray, before: np.ndarray, sums: Sums, facts: Facts) -> np.ndarray:
    """(before − after)/before of the mean squared error with the in-sample β, [latent, m, t].

    Args:
        numerator: Σ f⟨y, d⟩ [latent, m, t].
        before: Σ‖y‖² over all rows [latent, m].
        sums: holds Σ f².
        facts: holds the decoder.
    """
    explained = numerator**2 / energy(sums, facts)
    whole = np.where(before > 0, before, np.nan)[:, :, None]
    return np.asarray(np.clip(explained / whole, 0.0, 1.0))


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top/bottom, NaN where the quotient is not finite."""
    with np.errstate(over="ignore"):
        quotient = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom != 0)
    return np.asarray(np.where(np.isfinite(quotient), quotient, np.nan))


def cross(beta_of: np.ndarray, facts: Facts) -> np.ndarray:
    """ν's of all pairs from β [latent, m, t]: float64 [latent, pair, 2].

    For a pair (p, q): along q's direction β_p/β_q, and (mirror) along p's direction β_q/β_p.
    """
    out = np.full((len(beta_of), len(facts.pairs), 2), np.nan)
    for i, (p, q) in enumerate(facts.pairs):
        out[:, i, 0] = ratio(beta_of[:, p, q], beta_of[:, q, q])
        out[:, i, 1] = ratio(beta_of[:, q, p], beta_of[:, p, p])
    return out


def across(beta_of: np.ndarray, facts: Facts) -> np.ndarray:
    """β with a direction blanked that no second source is wide enough to share.

    Such a direction has only its own source, which `own` reports.
    """
    widths = facts.decoder.widths
    alone = np.array([widths.count(width) < 2 for width in widths])
    return np.where(alone, np.nan, beta_of)


def own(beta_of: np.ndarray) -> np.ndarray:
    """β of each source along its own direction: [latent, m, t] to [latent, m]."""
    diagonal: np.ndarray = np.einsum("jmm->jm", beta_of)
    return diagonal
