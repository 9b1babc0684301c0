"""All sums to all values, in the order of the table; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Sums
from xc.store_schema import NumericalError


def finish_all(metrics: Iterable[Metric], sums: Mapping[str, Sums], facts: Facts) -> Facts:
    """The facts with the value of every metric.

    Args:
        metrics: in table order.
        sums: by metric name; metrics that read nothing may be missing.
        facts: decoder and settings.

    Raises:
        NumericalError: if a sum is not finite.
    """
    values = dict(facts.values)
    growing = replace(facts, values=values)  # a copy for each metric would be of all before it
    for metric in metrics:
        own = sums.get(metric.name, {})
        _check(metric, own)
        values[metric.name] = metric.finish(own, growing)
    return growing


def _check(metric: Metric, sums: Sums) -> None:
    for name, array in sums.items():
        if not np.isfinite(array).all():
            raise NumericalError(
                f"metric {metric.name}: the sum '{name}' over held-out rows is not finite; "
                "the store or the checkpoint holds NaN or overflowing values"
            )
