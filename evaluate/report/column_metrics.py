"""Which metric a column of latents.parquet is of: its words are those that the page shows."""

from functools import lru_cache

from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.naming import names


@lru_cache(maxsize=8)
def metrics_of_columns(n_sources: int) -> dict[str, Metric]:
    """Metric by column, for so many sources; columns over parts of the rows are left out."""
    columns = (m for m in METRICS if m.scope.is_column)
    return {name: metric for metric in columns for name in names(metric, n_sources)}
