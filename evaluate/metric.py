"""A metric as a value: what it reads, how a tile of rows becomes sums, how sums become the number.

A metric's own file holds two small pure functions, `partial` and `finish`; this module says what
they receive and what they owe. Nothing here knows of files or of Dask.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.overlap import Overlap
from xc.evaluate.row_block import RowBlock

Sums = Mapping[str, np.ndarray]
"""Named arrays that can be combined over tiles of rows."""

Partial = Callable[[RowBlock], Sums]
Combine = Callable[[Sums, Sums], Sums]
Finish = Callable[[Sums, Facts], np.ndarray]
Statistic = Callable[[Sums, Facts], np.ndarray]
Members = Callable[[Facts], np.ndarray]
"""A number of each latent [latent, pair], NaN where it has no part in a median."""


class Scope(Enum):
    """Shape of a value, and with it the names under which it is reported."""

    SCALAR = "scalar"
    """[]: one key of summary.json."""
    PER_SOURCE = "source"
    """[source]: keys with _a, _b, …"""
    PER_PAIR = "pair"
    """[pair]: one key, or keys with _a_b, … where there are more than two sources."""
    PAIR_NUMBERS = "pair, number"
    """[pair, number]: no output of its own; metrics that need it take their numbers from it."""
    LATENT = "latent"
    """[latent]: one column of latents.parquet."""
    LATENT_SOURCE = "latent, source"
    """[latent, source]: columns with _a, _b, …"""
    LATENT_PAIR = "latent, pair"
    """[latent, pair]: one column, or columns with _a_b, …"""
    LATENT_PAIR_MIRROR = "latent, pair, direction"
    """[latent, pair, 2]: along the second source's decoder direction, and the first's (_mirror)."""
    LATENT_SOURCE_DIRECTION = "latent, source, direction"
    """[latent, source, source]: a source's activations along a source's decoder direction."""

    @property
    def is_column(self) -> bool:
        """Whether it goes to latents.parquet rather than to summary.json."""
        return self.value.startswith("latent")


class Swap(Enum):
    """What becomes of a value when A and B change places (axes of sources turn round anyway)."""

    SAME = "the value stays"
    COMPLEMENT = "v becomes 1 − v"
    LABELS = "a_only and b_only change places"
    PARTNER = "the metric of the other source's name takes the value"
    OTHER = "no simple relation"
    """It takes the side of one source: the first that has grown so far, B's direction, one of two
    terms. What it becomes follows from other values."""


class Pass(Enum):
    """What a metric's `partial` has to read; the cheapest that serves."""

    NONE = "nothing but weights and other metrics"
    LATENTS = "the latent table"
    ROWS = "the latent table and the activations"


def no_sums(block: RowBlock) -> Sums:
    """The partial of a metric that reads no rows."""
    return {}


def add(left: Sums, right: Sums) -> Sums:
    """Elementwise sums, the usual `combine`."""
    return {name: left[name] + right[name] for name in left}


def maximum(left: Sums, right: Sums) -> Sums:
    """Elementwise maxima."""
    return {name: np.maximum(left[name], right[name]) for name in left}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One row of the table `METRICS`."""

    name: str
    """Its name in `--metrics`, in `needs`, and (unless `key` says otherwise) in the output."""
    scope: Scope
    """Shape of what `finish` returns."""
    reads: Pass
    """What `partial` reads."""
    finish: Finish
    """All sums and the facts to the value, of the scope's shape; NaN where undefined."""
    bounds: tuple[float, float]
    """Smallest and largest value it can take."""
    summary: str
    """One sentence for the report."""
    formula: str
    """The definition."""
    source: str
    """Whose it is: the paper with equation, section or figure, their code, or xc."""
    meaning: str
    """How to read a value."""
    misleads: str
    """When not to trust it."""
    partial: Partial = no_sums
    """A tile of rows to sums, in float64."""
    combine: Combine = add
    """Sums of two row ranges to the sums of both; associative."""
    needs: tuple[str, ...] = ()
    """Metrics whose values `finish` looks up in the facts; they stand earlier in the table."""
    statistic: Statistic | None = None
    """For intervals: totals with a leading axis of resamples to values with the same."""
    swap: Swap = Swap.SAME
    """What becomes of it when the sources change places."""
    drawn: bool = False
    """Whether it is drawn with the seed; then equal only up to sampling when latents move."""
    key: str = ""
    """Output name if not `name`; {p} and {q} stand for the letters of a pair."""
    suffix: str = ""
    """Behind the letters of sources: the part of the rows that it is over."""
    undefined: str = "it is not defined for this crosscoder and these rows"
    """Why a value may be null."""
    version: int = 1
    """To be raised when `partial` or `combine` change: sums kept from before are then not used."""
    percent: int | None = None
    """It is this quantile over rows, of sums by `histogram`; its interval is found by shares."""
    stepped: bool = False
    """Whether it tells how many latents are past a threshold that every row moves them to or from:
    for its interval several groups of rows are left out at once."""
    members: Members | None = None
    """It is the median of these, over latents; its interval is found by shares."""
    held: bool = False
    """Whether it is left at its value of all rows where intervals leave out some: it tells how many
    there are, and an interval is about other rows, as many."""
    rarer_than: float | None = None
    """It is the number of latents that fire on less than this share of the rows; its interval is
    found by leaving out many of them at once."""
    overlap: Overlap | None = None
    """It is this share of latents between two quantiles of others; of few others its interval is
    found by redrawing rows."""
    bytes_of_sums: Callable[[Sequence[int]], int] | None = None
    """What its sums take for sources of these widths, if they may be large: such sums are kept in
    fewer groups."""

    @property
    def output(self) -> str:
        """Output name before suffixes."""
        return self.key or self.name
