"""What `xc evaluate` can be told."""

from dataclasses import dataclass

from xc.evaluate.class_thresholds import class_thresholds
from xc.evaluate.scheduler import check_scheduler
from xc.store_schema import RequestError
from xc.store_schema.row_filter import split_names


@dataclass(frozen=True)
class EvaluateConfig:
    """Settings of one evaluation."""

    metrics: tuple[str, ...] = ()
    """Metrics to compute, by name (several with commas), with what they need; none means all."""
    keep: tuple[str, ...] = ()
    """Measure only these of the run's rows, by role (user, assistant, template, neither) or part
    of the corpus (corpus:NAME); none: all rows that the run is about."""
    class_thresholds: str = "minder"
    """Where the classes of latents are cut: minder, kissane, or EXCLUSIVE,WITHIN: distances of
    delta_norm from 0 or 1 and from ½ (0.1,0.1 is minder)."""
    scheduler: str = "threads"
    """Where Dask runs: threads, processes, sync (one after the other), or tcp://HOST:PORT."""
    seed: int = 0
    """Seed of permutations, random pairs and resamples."""
    bootstrap: int = 1000
    """Resamples of sequences behind each 95 % interval; 0 leaves intervals out."""
    permutations: int = 20
    """Row permutations behind alignment_chance."""
    block_rows: int = 16384
    """Rows of one parallel task (smaller at shard borders)."""
    tile_rows: int = 2048
    """Rows of activations that a task holds in memory at a time."""
    examples: int = 10
    """Max-activating rows kept per latent shown in the report."""
    latents_per_class: int = 20
    """Latents of each class that the report shows."""
    report: bool = True
    """Whether to draw the figures and write report.html."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _words(self.metrics))
        object.__setattr__(self, "keep", split_names(self.keep))
        class_thresholds(self.class_thresholds)
        check_scheduler(self.scheduler)
        for name in ("permutations", "block_rows", "tile_rows"):
            _check_at_least(name, self, 1)
        for name in ("seed", "bootstrap", "examples", "latents_per_class"):
            _check_at_least(name, self, 0)
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
