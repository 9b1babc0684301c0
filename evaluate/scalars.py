"""All numbers of summary.json that follow from the metrics, flat, by key."""

from collections.abc import Iterable

import numpy as np

from xc.evaluate import overall
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric
from xc.evaluate.naming import named_values
from xc.evaluate.partition import group_counts


def scalars(metrics: Iterable[Metric], facts: Facts) -> dict[str, float]:
    """Values of the metrics that are measured, and counts by class; NaN where undefined."""
    n = facts.decoder.n_sources
    out: dict[str, float] = {}
    for metric in metrics:
        if not metric.scope.is_column and metric.name in facts.values:
            named = named_values(metric, facts.values[metric.name], n)
            out |= {key: float(value) for key, value in named.items()}
    counts = {**overall.counts(facts), **group_counts(facts)}
    return out | {key: float(value) for key, value in counts.items() if value is not None}


def stacked(rows: Iterable[dict[str, float]]) -> dict[str, np.ndarray]:
    """Dictionaries of the same keys as one of arrays [row]."""
    listed = list(rows)
    return {key: np.array([row[key] for row in listed]) for key in (listed[0] if listed else {})}
