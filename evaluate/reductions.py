"""Metrics that sum up the same are summed up once: reductions, by a label that outlives a run."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import FunctionType
from typing import Any

from xc.evaluate.groups import OfGroup
from xc.evaluate.metric import Metric, add


def label_of(metric: Metric) -> str:
    """What a metric sums up, and how, in a word; its version is part of it.

    Metrics with the same functions share a label. A function made at run time has no name that
    means the same elsewhere; then the label is the metric's own name.
    """
    functions = [_name(metric.partial)]
    if metric.combine is not add:
        functions.append(_name(metric.combine))
    known = [name for name in functions if name is not None]
    own = "+".join(known) if len(known) == len(functions) else metric.name
    return f"{own}:{metric.version}"


def reductions(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """By label, a metric of that name that stands for all with the label."""
    return {(label := label_of(metric)): replace(metric, name=label) for metric in metrics}


def _name(function: Callable[..., Any]) -> str | None:
    if isinstance(function, OfGroup):
        name = _name(function.partial)
        return None if name is None else name + function.group.suffix
    if not isinstance(function, FunctionType) or "<" in function.__qualname__:
        return None
    return f"{function.__module__.removeprefix('xc.evaluate.')}.{function.__qualname__}"
