"""A tile of rows in one pass: reconstructions, their errors, and both along the decoder's rows.

A row's vectors stay in the cache while its latents' decoder rows pass by. Everything is float64 but
what comes in. Arguments of all kernels:

    indptr    where the pairs of each row begin, int64 [row + 1]
    latent    int32 [pair]
    f         float32 [pair]
    decoded   f as each source decodes it, float32 [source or 1, pair]
    x         activations, per source float32 [row, d_model]
    W, b      decoder of all sources side by side, float32 [latent, width] and [width]
    centre    float64 [width]
    at        where each source's columns begin, int64 [source + 1]
    part      which of the sums a row's projections go to, uint8 [row]
"""

import numpy as np

from xc.evaluate.kernels.compiled import compiled

NUMBERS = 5
ERROR, DEVIATION, XHAT, X, PRODUCT = range(NUMBERS)
"""Numbers of a row: ‖x − x̂‖², ‖x − centre‖², ‖x̂‖², ‖x‖², ⟨x, x̂⟩."""


@compiled
def _decode(p, end, latent, f, W, a, b, out):
    """Add f·W[latent, a:b] of the pairs p to end, eight at a time: memory is waited for less."""
    while p + 8 <= end:
        f0, f1 = np.float64(f[p]), np.float64(f[p + 1])
        f2, f3 = np.float64(f[p + 2]), np.float64(f[p + 3])
        f4, f5 = np.float64(f[p + 4]), np.float64(f[p + 5])
        f6, f7 = np.float64(f[p + 6]), np.float64(f[p + 7])
        w0, w1 = W[latent[p], a:b], W[latent[p + 1], a:b]
        w2, w3 = W[latent[p + 2], a:b], W[latent[p + 3], a:b]
        w4, w5 = W[latent[p + 4], a:b], W[latent[p + 5], a:b]
        w6, w7 = W[latent[p + 6], a:b], W[latent[p + 7], a:b]
        for c in range(len(out)):
            near = f0 * w0[c] + f1 * w1[c] + f2 * w2[c] + f3 * w3[c]
            out[c] += near + f4 * w4[c] + f5 * w5[c] + f6 * w6[c] + f7 * w7[c]
        p += 8
    while p < end:
        f0, w0 = np.float64(f[p]), W[latent[p], a:b]
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
def _along(e, xhat, direction):
    left = right = 0.0
    for c in range(len(e)):
        d = np.float64(direction[c])
        left += e[c] * d
        right += xhat[c] * d
    return left, right


@compiled
def _along_two(e, xhat, first, second):
    """Both vectors along two directions: a load less for every product."""
    e0 = e1 = x0 = x1 = 0.0
    for c in range(len(e)):
        d0, d1 = np.float64(first[c]), np.float64(second[c])
        e0 += e[c] * d0
        e1 += e[c] * d1
        x0 += xhat[c] * d0
        x1 += xhat[c] * d1
    return e0, x0, e1, x1


@compiled
def _project_two(first, end, latent, f, decoded, e, xhat, W, at, m, t, along, own):
    """Add what the pairs first to end have along the directions of sources t and t + 1."""
    a, b, c = at[t], at[t + 1], at[t + 2]
    for p in range(first, end):
        j, value = latent[p], np.float64(f[p])
        row = W[j]
        e0, x0, e1, x1 = _along_two(e, xhat, row[a:b], row[b:c])
        along[j, m, t, 0] += value * e0
        along[j, m, t, 1] += value * x0
        along[j, m, t + 1, 0] += value * e1
        along[j, m, t + 1, 1] += value * x1
        if m == t:
            own[j, m] += np.float64(decoded[p]) * e0
        if m == t + 1:
            own[j, m] += np.float64(decoded[p]) * e1


@compiled
def _project(first, end, latent, f, decoded, e, xhat, W, at, m, t, along, own):
    """The same along the direction of source t alone."""
    a, b = at[t], at[t + 1]
    for p in range(first, end):
        j, value = latent[p], np.float64(f[p])
        e0, x0 = _along(e, xhat, W[j][a:b])
        along[j, m, t, 0] += value * e0
        along[j, m, t, 1] += value * x0
        if m == t:
            own[j, m] += np.float64(decoded[p]) * e0


@compiled
def measure(
    indptr, latent, f, decoded, x, W, b, centre, at, part, numbers, shift, off, along, own
):  # fmt: skip
    """All sums of a tile that need its activations.

    Args:
        indptr: and what follows up to `part`: see above.
        numbers: out, float64 [row, source, NUMBERS].
        shift: in and out, Σ(x − centre), float64 [width].
        off: in and out, Σ(x − x̂), float64 [width].
        along: in and out, Σ f⟨e_m, d^t⟩ and Σ f⟨x̂_m, d^t⟩ where the widths are equal, float64
            [part, latent, m, t, 2].
        own: in and out, Σ⟨e_m, d^m⟩ times what source m decodes, float64 [part, latent, m].
    """
    n = len(at) - 1
    e, xhat = np.empty_like(shift), np.empty_like(shift)
    for i in range(len(indptr) - 1):
        first, end = indptr[i], indptr[i + 1]
        sums, own_sums = along[part[i]], own[part[i]]
        xhat[:] = b
        for k in range(len(decoded)):
            u, v = at[k], at[n if len(decoded) == 1 else k + 1]
            _decode(first, end, latent, decoded[k], W, u, v, xhat[u:v])
        for m in range(n):
            u, v = at[m], at[m + 1]
            guess, left = xhat[u:v], e[u:v]
            _compare(x[m][i], guess, centre[u:v], left, numbers[i, m], shift[u:v], off[u:v])
        for m in range(n):
            u, v, g, t = at[m], at[m + 1], decoded[m % len(decoded)], 0
            left, guess = e[u:v], xhat[u:v]
            while t < n:
                if at[t + 1] - at[t] != v - u:
                    t += 1
                elif t + 1 < n and at[t + 2] - at[t + 1] == v - u:
                    _project_two(
                        first, end, latent, f, g, left, guess, W, at, m, t, sums, own_sums
                    )  # fmt: skip
                    t += 2
                else:
                    _project(first, end, latent, f, g, left, guess, W, at, m, t, sums, own_sums)
                    t += 1


@compiled
def reconstruct(indptr, latent, decoded, W, b, start, stop, out):
    """x̂ of the source in columns start to stop, float32 [row, d_model], summed in float64."""
    guess = np.empty(stop - start)
    for i in range(len(indptr) - 1):
        guess[:] = b[start:stop]
        _decode(indptr[i], indptr[i + 1], latent, decoded, W, start, stop, guess)
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
