"""Triton kernels: find what is large among pre-activations, sum rows of a table, take dot products.

None adds floats atomically, and none is tuned while it runs: what is summed in which order depends
on the shapes alone, so that the same batch gives the same bits again. Offsets that may pass 2³¹
are 64-bit.

Lists of pairs come by segment: `first` [segment + 1] says where each one's begin and the last ones
end.
"""

import triton
import triton.language as tl


@triton.jit
def _reaches(pre, weight, level, row, latent, d_sae):
    """pre, and whether v = pre·weight is positive and at least `level`, for some latents of a row.

    A comparison with NaN is false.
    """
    inside = latent < d_sae
    value = tl.load(pre + row * d_sae + latent, mask=inside, other=0.0)
    v = value * tl.load(weight + latent, mask=inside, other=0.0)
    return value, (v > 0) & (v >= level)


@triton.jit
def count_reaching(pre, weight, level, counts, d_sae, BLOCK: tl.constexpr):
    """How many v of each row are positive and at least the row's level, one program a row.

    Args:
        pre: pre-activations [row, latent].
        weight: s [latent].
        level: [row].
        counts: int32 [row], to be filled.
        d_sae: number of latents.
        BLOCK: latents at once.
    """
    row = tl.program_id(0).to(tl.int64)
    least = tl.load(level + row)
    total = tl.zeros([BLOCK], tl.int32)
    for start in range(0, d_sae, BLOCK):
        latent = start + tl.arange(0, BLOCK)
        _, reaches = _reaches(pre, weight, least, row, latent, d_sae)
        total += reaches.to(tl.int32)
    tl.store(counts + row, tl.sum(total))


@triton.jit
def list_reaching(pre, weight, level, first, latents, f, d_sae, BLOCK: tl.constexpr):
    """Latent and pre-activation of what `count_reaching` counts, by row and then by latent.

    Args:
        pre: pre-activations [row, latent].
        weight: s [latent].
        level: [row].
        first: int64 [row + 1].
        latents: int64 [pair], to be filled.
        f: [pair], to be filled.
        d_sae: number of latents.
        BLOCK: latents at once.
    """
    row = tl.program_id(0).to(tl.int64)
    least = tl.load(level + row)
    place = tl.load(first + row)
    for start in range(0, d_sae, BLOCK):
        latent = start + tl.arange(0, BLOCK)
        value, reaches = _reaches(pre, weight, least, row, latent, d_sae)
        one = reaches.to(tl.int32)
        at = place + tl.cumsum(one, 0) - one
        tl.store(latents + at, latent.to(tl.int64), mask=reaches)
        tl.store(f + at, value, mask=reaches)
        place += tl.sum(one)


@triton.jit
def narrow_rows(table, less, along, narrow, length, error, product, width, COLUMNS: tl.constexpr):
    """Rows y = table − less in bfloat16, ‖y‖, ‖y − y₁₆‖ and ⟨y, along⟩, one program a row.

    Args:
        table: float32 [row, width].
        less: [width].
        along: [width].
        narrow: bfloat16 [row, width], to be filled.
        length: [row], to be filled.
        error: [row], to be filled.
        product: [row], to be filled.
        width: columns.
        COLUMNS: columns at once.
    """
    row = tl.program_id(0).to(tl.int64)
    squares = tl.zeros([COLUMNS], tl.float32)
    lost = tl.zeros([COLUMNS], tl.float32)
    dots = tl.zeros([COLUMNS], tl.float32)
    for begin in range(0, width, COLUMNS):
        column = begin + tl.arange(0, COLUMNS)
        inside = column < width
        value = tl.load(table + row * width + column, mask=inside, other=0.0)
        value -= tl.load(less + column, mask=inside, other=0.0)
        short = value.to(tl.bfloat16)
        tl.store(narrow + row * width + column, short, mask=inside)
        away = value - short.to(tl.float32)
        squares += value * value
        lost += away * away
        dots += value * tl.load(along + column, mask=inside, other=0.0)
    tl.store(length + row, tl.sqrt(tl.sum(squares)))
    tl.store(error + row, tl.sqrt(tl.sum(lost)))
    tl.store(product + row, tl.sum(dots))


@triton.jit
def _bounds(pre, columns, rows, row, latent, d_sae, ROUNDING: tl.constexpr):
    """Lower and upper bound of v for some latents of a row, as `narrow` has them.

    Args:
        pre: product of narrowed factors, rounded to bfloat16 [row, latent].
        columns: [5, latent]: s, ‖w‖, ‖δw‖, what is added, what that may be off by.
        rows: [2, row]: what ‖w‖ counts, what ‖δw‖ counts.
        row: number of the row.
        latent: numbers of latents.
        d_sae: number of latents.
        ROUNDING: relative error of pre.
    """
    inside = latent < d_sae
    at, n = columns + latent, tl.num_programs(0)
    value = tl.load(pre + row * d_sae + latent, mask=inside, other=0.0).to(tl.float32)
    weight = tl.load(at, mask=inside, other=0.0)
    wide = tl.load(rows + row) * tl.load(at + d_sae, mask=inside, other=0.0)
    wide += tl.load(rows + n + row) * tl.load(at + 2 * d_sae, mask=inside, other=0.0)
    wide += ROUNDING * tl.abs(value) + tl.load(at + 4 * d_sae, mask=inside, other=0.0)
    centre = value + tl.load(at + 3 * d_sae, mask=inside, other=0.0)
    return (centre - wide) * weight, (centre + wide) * weight


@triton.jit
def count_bounded(
    pre, columns, rows, level, sure, likely, d_sae, ROUNDING: tl.constexpr, BLOCK: tl.constexpr
):
    """Of each row: how many v reach its level for sure, and how many may; one program a row.

    What is not a number may. Arguments as of `_bounds`, and

    Args:
        level: positive [row].
        sure: int32 [row], to be filled.
        likely: int32 [row], to be filled.
        BLOCK: latents at once.
    """
    row = tl.program_id(0).to(tl.int64)
    least = tl.load(level + row)
    low_total = tl.zeros([BLOCK], tl.int32)
    high_total = tl.zeros([BLOCK], tl.int32)
    for start in range(0, d_sae, BLOCK):
        latent = start + tl.arange(0, BLOCK)
        low, high = _bounds(pre, columns, rows, row, latent, d_sae, ROUNDING)
        inside = latent < d_sae
        low_total += (inside & (low >= least)).to(tl.int32)
        high_total += (inside & ((high < least) == 0)).to(tl.int32)
    tl.store(sure + row, tl.sum(low_total))
    tl.store(likely + row, tl.sum(high_total))


@triton.jit
def list_bounded(
    pre, columns, rows, level, first, latents, lows, highs, d_sae,
    ROUNDING: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Latent and bounds of what `count_bounded` says may, by row and then by latent.

    Arguments as of `_bounds`, and

    Args:
        level: positive [row].
        first: int64 [row + 1].
        latents: int64 [pair], to be filled.
        lows: [pair], to be filled.
        highs: [pair], to be filled.
        BLOCK: latents at once.
    """
    row = tl.program_id(0).to(tl.int64)
    least = tl.load(level + row)
    place = tl.load(first + row)
    for start in range(0, d_sae, BLOCK):
        latent = start + tl.arange(0, BLOCK)
        low, high = _bounds(pre, columns, rows, row, latent, d_sae, ROUNDING)
        may = (latent < d_sae) & ((high < least) == 0)
        one = may.to(tl.int32)
        at = place + tl.cumsum(one, 0) - one
        tl.store(latents + at, latent.to(tl.int64), mask=may)
        tl.store(lows + at, low, mask=may)
        tl.store(highs + at, high, mask=may)
        place += tl.sum(one)


@triton.jit
def sum_rows(table, index, weight, first, out, width, PAIRS: tl.constexpr, COLUMNS: tl.constexpr):
    """Σ weight·table[index] over a segment's pairs, one program a segment and block of columns.

    Args:
        table: [any, width].
        index: rows of the table, int64 [pair].
        weight: [pair].
        first: int64 [segment + 1].
        out: [segment, width], to be filled; zeros where a segment has no pair.
        width: columns.
        PAIRS: pairs at once.
        COLUMNS: columns of a block.
    """
    segment = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < width
    stop = tl.load(first + segment + 1)
    total = tl.zeros([PAIRS, COLUMNS], out.dtype.element_ty)
    for start in range(tl.load(first + segment), stop, PAIRS):
        pair = start + tl.arange(0, PAIRS)
        there = pair < stop
        row = tl.load(index + pair, mask=there, other=0)
        factor = tl.load(weight + pair, mask=there, other=0.0)
        place = table + row[:, None] * width + column[None, :]
        values = tl.load(place, mask=there[:, None] & inside[None, :], other=0.0)
        total += factor[:, None] * values
    tl.store(out + segment * width + column, tl.sum(total, axis=0), mask=inside)


@triton.jit
def sum_each(values, first, out, PAIRS: tl.constexpr):
    """Sum of the values of a segment, one program a segment.

    Args:
        values: [pair].
        first: int64 [segment + 1].
        out: [segment], to be filled.
        PAIRS: pairs at once.
    """
    segment = tl.program_id(0).to(tl.int64)
    stop = tl.load(first + segment + 1)
    total = tl.zeros([PAIRS], out.dtype.element_ty)
    for start in range(tl.load(first + segment), stop, PAIRS):
        pair = start + tl.arange(0, PAIRS)
        total += tl.load(values + pair, mask=pair < stop, other=0.0)
    tl.store(out + segment, tl.sum(total))


@triton.jit
def dot_rows(left, right, index, first, out, width, PAIRS: tl.constexpr, COLUMNS: tl.constexpr):
    """⟨left[segment], right[index]⟩ of each pair, one program a segment.

    Args:
        left: [segment, width].
        right: [any, width].
        index: rows of `right`, int64 [pair].
        first: int64 [segment + 1].
        out: [pair], to be filled.
        width: columns.
        PAIRS: pairs at once.
        COLUMNS: columns at once.
    """
    segment = tl.program_id(0).to(tl.int64)
    stop = tl.load(first + segment + 1)
    for start in range(tl.load(first + segment), stop, PAIRS):
        pair = start + tl.arange(0, PAIRS)
        there = pair < stop
        row = tl.load(index + pair, mask=there, other=0)
        total = tl.zeros([PAIRS, COLUMNS], out.dtype.element_ty)
        for begin in range(0, width, COLUMNS):
            column = begin + tl.arange(0, COLUMNS)
            inside = column < width
            own = tl.load(left + segment * width + column, mask=inside, other=0.0)
            place = right + row[:, None] * width + column[None, :]
            values = tl.load(place, mask=there[:, None] & inside[None, :], other=0.0)
            total += own[None, :] * values
        tl.store(out + pair, tl.sum(total, axis=1), mask=there)
