"""A tile of rows in one pass: reconstructions, their errors, and both along the decoder's rows.

A row's vectors stay in the cache while its latents' decoder rows pass by. Everything is float64 but
what comes in. Arguments of all kernels:

    indptr    where the pairs of each row begin, int64 [row + 1]
    latent    int32 [pair]
    f         float32 [pair]
    decoded   f as each source decodes it, float32 [source or 1, pair]
    x         activations, per source float32 [row, d_model]
    W, b      decoder, per source float32 [latent, d_model] and [d_model]
    centre    per source float64 [d_model]
"""

import numpy as np

from xc.evaluate.kernels.compiled import compiled

NUMBERS = 5
ERROR, DEVIATION, XHAT, X, PRODUCT = range(NUMBERS)
"""Numbers of a row: ‖x − x̂‖², ‖x − centre‖², ‖x̂‖², ‖x‖², ⟨x, x̂⟩."""


@compiled
def _decode(p, end, latent, f, weights, out):
    """Add f·weights[latent] of the pairs p to end, four at a time."""
    while p + 4 <= end:
        f0, f1 = np.float64(f[p]), np.float64(f[p + 1])
        f2, f3 = np.float64(f[p + 2]), np.float64(f[p + 3])
        w0, w1 = weights[latent[p]], weights[latent[p + 1]]
        w2, w3 = weights[latent[p + 2]], weights[latent[p + 3]]
        for c in range(len(out)):
            out[c] += f0 * w0[c] + f1 * w1[c] + f2 * w2[c] + f3 * w3[c]
        p += 4
    while p < end:
        f0, w0 = np.float64(f[p]), weights[latent[p]]
        for c in range(len(out)):
            out[c] += f0 * w0[c]
        p += 1


@compiled
def _compare(x, xhat, centre, e, numbers, shift, off):
    """e = x − x̂ and the row's numbers; x − centre and e are added to shift and off."""
    error = deviation = squares = whole = product = 0.0
    for c in range(len(x)):
        value, guess = np.float64(x[c]), xhat[c]
        left, apart = value - guess, value - centre[c]
        e[c] = left
        shift[c] += apart
        off[c] += left
        error += left * left
        deviation += apart * apart
        squares += guess * guess
        whole += value * value
        product += value * guess
    numbers[ERROR], numbers[DEVIATION] = error, deviation
    numbers[XHAT], numbers[X], numbers[PRODUCT] = squares, whole, product


@compiled
def _along(e, xhat, weights, j):
    left = right = 0.0
    for c in range(len(e)):
        d = np.float64(weights[j, c])
        left += e[c] * d
        right += xhat[c] * d
    return left, right


@compiled
def _along_two(e, xhat, first, second, j):
    """Both vectors along two directions: a load less for every product."""
    e0 = e1 = x0 = x1 = 0.0
    for c in range(len(e)):
        d0, d1 = np.float64(first[j, c]), np.float64(second[j, c])
        e0 += e[c] * d0
        e1 += e[c] * d1
        x0 += xhat[c] * d0
        x1 += xhat[c] * d1
    return e0, x0, e1, x1


@compiled
def _project(first, end, latent, f, decoded, m, t, e, xhat, one, two, along, own):
    """Add what the pairs first to end have along the directions of sources t and t + 1."""
    for p in range(first, end):
        j, value = latent[p], np.float64(f[p])
        e0, x0, e1, x1 = _along_two(e, xhat, one, two, j)
        along[j, m, t, 0] += value * e0
        along[j, m, t, 1] += value * x0
        along[j, m, t + 1, 0] += value * e1
        along[j, m, t + 1, 1] += value * x1
        if m == t:
            own[j, m] += np.float64(decoded[p]) * e0
        if m == t + 1:
            own[j, m] += np.float64(decoded[p]) * e1


@compiled
def _project_one(first, end, latent, f, decoded, m, t, e, xhat, one, along, own):
    """The same along the direction of source t alone."""
    for p in range(first, end):
        j, value = latent[p], np.float64(f[p])
        e0, x0 = _along(e, xhat, one, j)
        along[j, m, t, 0] += value * e0
        along[j, m, t, 1] += value * x0
        if m == t:
            own[j, m] += np.float64(decoded[p]) * e0


@compiled
def measure(indptr, latent, f, decoded, x, W, b, centre, numbers, shift, off, along, own):
    """All sums of a tile that need its activations.

    Args:
        indptr: and what follows up to `centre`: see above.
        numbers: out, float64 [row, source, NUMBERS].
        shift: in and out, Σ(x − centre), float64 [source, widest].
        off: in and out, Σ(x − x̂), likewise.
        along: in and out, Σ f⟨e_m, d^t⟩ and Σ f⟨x̂_m, d^t⟩, float64 [latent, m, t, 2].
        own: in and out, Σ⟨e_m, d^m⟩ times what source m decodes, float64 [latent, m].
    """
    n = len(W)
    e, xhat = np.empty_like(shift), np.empty_like(shift)
    for i in range(len(indptr) - 1):
        first, end = indptr[i], indptr[i + 1]
        for m in range(n):
            width = len(b[m])
            guess = xhat[m][:width]
            for c in range(width):
                guess[c] = b[m][c]
            _decode(first, end, latent, decoded[m % len(decoded)], W[m], guess)
            _compare(
                x[m][i], guess, centre[m], e[m][:width], numbers[i, m],
                shift[m][:width], off[m][:width],
            )  # fmt: skip
        for m in range(n):
            g, width, t = decoded[m % len(decoded)], len(b[m]), 0
            left, guess = e[m][:width], xhat[m][:width]
            while t < n:
                if len(b[t]) != width:
                    t += 1
                elif t + 1 < n and len(b[t + 1]) == width:
                    _project(
                        first, end, latent, f, g, m, t, left, guess, W[t], W[t + 1], along, own
                    )  # fmt: skip
                    t += 2
                else:
                    _project_one(first, end, latent, f, g, m, t, left, guess, W[t], along, own)
                    t += 1


@compiled
def reconstruct(indptr, latent, decoded, weights, bias, out):
    """x̂ of one source, summed in float64, written as float32 [row, d_model]."""
    guess = np.empty(len(bias))
    for i in range(len(indptr) - 1):
        for c in range(len(guess)):
            guess[c] = bias[c]
        _decode(indptr[i], indptr[i + 1], latent, decoded, weights, guess)
        for c in range(len(guess)):
            out[i, c] = guess[c]


@compiled
def shift_of(x, rows, centre, out):
    """Add x − centre of the rows where `rows` is True, float64 [d_model]."""
    for i in range(len(rows)):
        if rows[i]:
            own = x[i]
            for c in range(len(out)):
                out[c] += np.float64(own[c]) - centre[c]
