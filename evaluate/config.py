"""What `xc evaluate` can be told."""

from dataclasses import dataclass

from xc.evaluate.class_thresholds import class_thresholds
from xc.evaluate.clusters import AUTO, UNITS
from xc.evaluate.scheduler import check_scheduler
from xc.store_schema import RequestError, suggestion
from xc.store_schema.row_filter import split_names

JACKKNIFE, BOOTSTRAP = INTERVALS = ("jackknife", "bootstrap")
"""Ways in which intervals are found."""


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of one evaluation."""

    metrics: tuple[str, ...] = ()
    """Metrics to compute, with what they need, by name, key of summary.json or column of
    latents.parquet (several with commas); none means all."""
    keep: tuple[str, ...] = ()
    """Measure only these of the run's rows, by role (user, assistant, template, neither) or part
    of the corpus (corpus:NAME); none: all rows that the run is about."""
    class_thresholds: str = "minder"
    """Where the classes of latents are cut: minder, kissane, or EXCLUSIVE,WITHIN: distances of
    delta_norm from 0 or 1 and from ½ (0.1,0.1 is minder)."""
    scheduler: str = "threads"
    """Where Dask runs: threads, processes, sync (one after the other), or tcp://HOST:PORT."""
    seed: int = 0
    """Seed of random pairs and resamples."""
    clusters: str = AUTO
    """What intervals resample whole: sequences; documents, where several sequences are of one; or
    auto: documents if at least ten are held out."""
    intervals: str = JACKKNIFE
    """How intervals are found: jackknife (groups of clusters are left out in turn) or bootstrap
    (they are drawn with replacement, 200 times; too narrow for counts of latents and what hangs on
    them, docs/metrics.md). Means over rows of 100 clusters or more are drawn either way."""
    bootstrap: int = 1000
    """Resamples of clusters behind the 95 % interval of a mean; 0 leaves these intervals out."""
    groups: int = 20
    """Groups of clusters that are left out, or drawn, for all other intervals, at least 2; 0 leaves
    these intervals out."""
    block_rows: int | None = None
    """Rows of one parallel task (smaller at shard borders). Default: a shard of the store, or where
    that gives fewer than 64 tasks half, a quarter, … of one, but at least 16384."""
    tile_rows: int = 2048
    """Rows of activations that a task holds in memory at a time."""
    twin_cosine: float = 0.9
    """Latents of A only and of B only whose directions have a larger cosine may be twins."""
    examples: int = 10
    """Max-activating rows kept per latent shown in the report."""
    latents_per_class: int = 20
    """Latents of each class that the report shows."""
    keep_passes: bool = True
    """Whether sums stay in RUN/evaluation/passes, so that metrics added later cost only their own
    pass; else they go when all is done."""
    report: bool = True
    """Whether to draw the figures and write report.html."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _words(self.metrics))
        object.__setattr__(self, "keep", split_names(self.keep))
        class_thresholds(self.class_thresholds)
        check_scheduler(self.scheduler)
        if self.clusters not in UNITS:
            known = suggestion(self.clusters, UNITS)
            raise RequestError(f"unknown clusters '{self.clusters}'{known}")
        if self.intervals not in INTERVALS:
            known = suggestion(self.intervals, INTERVALS)
            raise RequestError(f"unknown intervals '{self.intervals}'{known}")
        if not 0 <= self.twin_cosine < 1:
            raise RequestError(f"twin_cosine: expected 0 or more, below 1; got {self.twin_cosine}")
        if self.groups == 1:
            raise RequestError("groups: expected 0 for no such intervals, or at least 2; got 1")
        _check_at_least("tile_rows", self, 1)
        for name in ("seed", "bootstrap", "groups", "examples", "latents_per_class"):
            _check_at_least(name, self, 0)
        if self.block_rows is None:
            return
        _check_at_least("block_rows", self, 1)
        if self.block_rows % self.tile_rows:
            raise RequestError(
                f"block_rows must be a multiple of tile_rows; got {self.block_rows} and "
                f"{self.tile_rows}"
            )


def _check_at_least(name: str, config: EvaluateConfig, smallest: int) -> None:
    value = vars(config)[name]
    if value < smallest:
        raise RequestError(f"{name}: expected at least {smallest}, got {value}")


def _words(metrics: tuple[str, ...] | str) -> tuple[str, ...]:
    """Names, whether listed or written in one string with commas."""
    listed = [metrics] if isinstance(metrics, str) else metrics
    return tuple(word.strip() for text in listed for word in text.split(",") if word.strip())
