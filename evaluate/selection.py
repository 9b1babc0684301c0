"""Which metrics to compute: what was asked for, and what that needs."""

from collections.abc import Sequence

from xc.evaluate.metric import Metric
from xc.store_schema import RequestError, suggestion


def select(table: Sequence[Metric], asked: Sequence[str]) -> tuple[Metric, ...]:
    """Metrics of the table that were asked for (all, if none were) and those they need, in order.

    Raises:
        RequestError: on a name that is not in the table, with the nearest one.
    """
    by_name = {m.name: m for m in table}
    wanted = set(asked) or set(by_name)
    for name in sorted(wanted - set(by_name)):
        raise RequestError(f"unknown metric '{name}'{suggestion(name, by_name)}")
    for metric in reversed(table):
        if metric.name in wanted:
            wanted |= set(metric.needs)
    return tuple(m for m in table if m.name in wanted)
