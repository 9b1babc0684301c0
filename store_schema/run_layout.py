"""Every path name under a run, in one place."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunLayout:
    """Names of a run's files; nothing is opened or made here."""

    root: Path

    @property
    def config(self) -> Path:
        """Resolved training configuration."""
        return self.root / "config.yaml"

    @property
    def checkpoint(self) -> Path:
        """Folder of the published crosscoder."""
        return self.root / "checkpoint"

    @property
    def state(self) -> Path:
        """Folder of what resuming needs."""
        return self.root / "state"

    @property
    def metrics(self) -> Path:
        """Training curve, one JSON object a line."""
        return self.root / "metrics.jsonl"

    @property
    def tracking(self) -> Path:
        """Folder of what TensorBoard and Weights & Biases keep of the training curve."""
        return self.root / "tracking"

    @property
    def stream(self) -> Path:
        """What rows a run was trained on, one JSON object."""
        return self.root / "stream.json"

    @property
    def latents(self) -> Path:
        """Folder of the latent table's parts."""
        return self.root / "latents"

    @property
    def evaluation(self) -> Path:
        """Folder of everything `xc evaluate` writes."""
        return self.root / "evaluation"

    @property
    def summary(self) -> Path:
        """Flat JSON object of all scalar metrics."""
        return self.evaluation / "summary.json"

    @property
    def latents_parquet(self) -> Path:
        """One row per latent."""
        return self.evaluation / "latents.parquet"

    @property
    def examples(self) -> Path:
        """Max-activating rows of the top latents, with their context."""
        return self.evaluation / "examples.parquet"

    @property
    def passes(self) -> Path:
        """Folder of sums over the held-out rows that were taken already."""
        return self.evaluation / "passes"

    @property
    def ce(self) -> Path:
        """Folder of per-sequence losses with reconstructions spliced into the models."""
        return self.evaluation / "ce"

    @property
    def twins(self) -> Path:
        """Pairs of exclusive latents that point the same way, and how unlike they fire."""
        return self.evaluation / "twins.parquet"

    @property
    def nu_curves(self) -> Path:
        """How many latents of each class have a ν below each threshold."""
        return self.evaluation / "nu_curves.parquet"

    @property
    def evaluation_config(self) -> Path:
        """Resolved evaluation configuration."""
        return self.evaluation / "config.yaml"

    @property
    def provenance(self) -> Path:
        """What the evaluation was made from, one JSON object."""
        return self.evaluation / "provenance.json"

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.evaluation / "report.html"

    @property
    def figures(self) -> Path:
        """Folder of the report's figures as PNG and SVG."""
        return self.evaluation / "figures"

    @property
    def nulls(self) -> Path:
        """Folder of the null controls: runs, and stores made for them."""
        return self.root / "nulls"

    @property
    def nulls_json(self) -> Path:
        """What the null controls came to."""
        return self.evaluation / "nulls.json"

    @property
    def reproduced(self) -> Path:
        """One row per latent: whether other seeds found it again."""
        return self.evaluation / "nulls" / "reproduced.parquet"
