"""Rows by role and by part of the corpus, and the same measures over each of them alone."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Partial, Pass, Sums
from xc.evaluate.row_block import RowBlock

NUMBERS = (
    "fve", "mse", "cosine_reconstruction", "l0", "l0_p05", "l0_p50", "l0_p95", "dead_fraction",
    "n_dead_minder", "n_rarer_1e-5", "n_rarer_1e-6", "n_rarer_1e-7",
)  # fmt: skip
"""Metrics in summary.json that are taken over each group too."""
COLUMNS = (
    "frequency", "mean_activation", "max_activation", "activation_p50", "activation_p90",
    "activation_p99",
)  # fmt: skip
"""Those in latents.parquet. They have no intervals, so that sketches, which are large, are kept
over all rows alone; frequencies and maxima are not: intervals of dead latents come from them."""
MEASURED = (*NUMBERS, *COLUMNS)
"""All of them. What one of them needs is one of them."""

_UNFIT = re.compile(r"[^\w.-]|_")


@dataclass(frozen=True)
class Group:
    """The rows of one role or of one part of the corpus."""

    column: str
    """`role` or `corpus`."""
    number: int
    """Value of the label."""
    name: str
    """As it stands in keys."""

    @property
    def suffix(self) -> str:
        """Behind a metric's name: `_role_assistant`."""
        return f"_{self.column}_{self.name}"


def groups_of(column: str, names: Sequence[str], counts: np.ndarray) -> tuple[Group, ...]:
    """Groups with rows; none where all rows are of one.

    Args:
        column: `role` or `corpus`.
        names: of the groups, by number; for keys, what is no letter, digit, point or hyphen becomes
            a hyphen, and a name that comes again gets `~2`.
        counts: int64 [group], rows of each.
    """
    there = np.flatnonzero(counts).tolist()
    if len(there) < 2:
        return ()
    fit = _distinct([_UNFIT.sub("-", name) or "-" for name in names])
    return tuple(Group(column, i, fit[i]) for i in there)


def _distinct(names: Sequence[str]) -> list[str]:
    # `ci` alone would make the key of an interval out of that of a number.
    seen: dict[str, int] = {"ci": 1}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return out


def over_groups(metrics: Iterable[Metric], groups: Iterable[Group]) -> tuple[Metric, ...]:
    """The metrics of `MEASURED` among these, over each group."""
    measured = [m for m in metrics if m.name in MEASURED]
    return tuple(_over(metric, group) for group in groups for metric in measured)


def _over(metric: Metric, group: Group) -> Metric:
    reads = metric.reads is not Pass.NONE
    return replace(
        metric,
        name=metric.name + group.suffix,
        key=metric.output,
        suffix=group.suffix,
        partial=OfGroup(metric.partial, group) if reads else metric.partial,
        needs=tuple(name + group.suffix for name in metric.needs),
        finish=_FromGroup(metric.finish, metric.needs, group) if metric.needs else metric.finish,
    )


@dataclass(frozen=True)
class OfGroup:
    """A metric's sums over the rows of a group."""

    partial: Partial
    group: Group

    def __call__(self, block: RowBlock) -> Sums:
        """Sums over those of a tile's rows."""
        return self.partial(block.where(block.labels[self.group.column] == self.group.number))


@dataclass(frozen=True)
class _FromGroup:
    """A metric's value from the values that others have over a group."""

    finish: Finish
    needs: tuple[str, ...]
    group: Group

    def __call__(self, sums: Sums, facts: Facts) -> np.ndarray:
        for name in self.needs:
            facts = facts.with_value(name, facts.values[name + self.group.suffix])
        return self.finish(sums, facts)
