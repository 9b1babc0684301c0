"""Keys of summary.json and columns that a crosscoder of one source cannot fill."""

from collections.abc import Sequence

from xc.evaluate.metric import Metric
from xc.evaluate.naming import names


def alone(table: Sequence[Metric]) -> dict[str, bool]:
    """Outputs that a single source cannot have and two would: name to whether it is a column."""
    return {
        name: metric.scope.is_column
        for metric in table
        for name in names(metric, 2)
        if not names(metric, 1) and name != "class"  # which says alive or dead
    }
