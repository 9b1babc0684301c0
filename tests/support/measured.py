"""Cases for whole evaluations, and their held-out rows as a world in memory for the oracles."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import planted
from evaluating import ORACLES, Dense, World, assert_same

from xc.evaluate import METRICS, EvaluateConfig, Evaluation, evaluate
from xc.evaluate.clusters import RowGroups, row_groups
from xc.evaluate.naming import named_values
from xc.store_schema import ActivationStore, Checkpoint, Progress, RunLayout, Silent

SMALL = {"block_rows": 256, "tile_rows": 64, "bootstrap": 50, "report": False}

SOME: dict[str, Any] = {
    "metrics": ("class", "frequency,mean_activation,max_activation", "nu_error,nu_reconstruction"),
    "twin_cosine": 0.0, "groups": 2, "bootstrap": 0,
}  # fmt: skip
"""Settings of an evaluation with examples and twins."""


def one_group(store: ActivationStore) -> RowGroups:
    """All rows of a store as one group."""
    rows = np.diff(store.sequences.row_offsets)
    return row_groups(rows, np.arange(len(rows)), 1)


@dataclass(frozen=True)
class Case:
    """A store and a run that belong together."""

    truth: planted.Truth
    store: ActivationStore
    checkpoint: Checkpoint
    run: RunLayout

    def evaluate(
        self, run: RunLayout | None = None, progress: Progress | None = None, **settings: object
    ) -> Evaluation:
        config = EvaluateConfig(**{**SMALL, **settings})  # type: ignore[arg-type]
        told = progress or Silent()
        return evaluate(config, run=run or self.run, store=self.store, progress=told)


def heldout_world(case: Case, *, mask: np.ndarray | None = None) -> World:
    """The held-out rows, normalised, encoded by the reference code, all in memory."""
    store, checkpoint = case.store, case.checkpoint
    (start, stop), *more = store.splits["heldout"]
    assert not more
    keep = np.ones(stop - start, bool) if mask is None else mask[start:stop]
    raw = [store.activations(s.key)[start:stop][keep] for s in checkpoint.sources]
    means = checkpoint.mean or [np.zeros(s.d_model, np.float32) for s in checkpoint.sources]
    x = tuple((r - m) * np.float32(c) for r, m, c in zip(raw, means, checkpoint.scale, strict=True))
    centres = [store.centre(s.key) for s in checkpoint.sources]
    centre = ((a - m) * c for a, m, c in zip(centres, means, checkpoint.scale, strict=True))
    return World(
        checkpoint.encode(raw), x, checkpoint.W_dec, checkpoint.b_dec,
        store.rows.sequence[start:stop][keep], tuple(centre), checkpoint.scale,
        store.rows.role[start:stop][keep], checkpoint.W_enc,
    )  # fmt: skip


def assert_measured(found: Evaluation, world: World) -> None:
    """Every key and column with an oracle equals it."""
    for metric in METRICS:
        if metric.name not in ORACLES:
            continue
        with np.errstate(all="ignore"):
            value = np.asarray(ORACLES[metric.name](Dense(world)))
        for name, part in named_values(metric, value, len(world.W)).items():
            if name == "class":
                assert found.latents.column(name).tolist() == part.tolist()
            elif metric.scope.is_column:
                atol = 1e-3 if name.startswith("nu_") else 5e-5
                assert_same(found.latents.column(name), part, atol=atol)
            else:
                told = found.summary[name]
                assert_same(np.asarray(np.nan if told is None else told), part, atol=5e-5)
