"""Runs that lack a crosscoder because they are not at their end: how far they are, what to do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xc.store_schema import DamageError, RequestError, RunLayout
from xc.train import state as states


def refuse_unfinished(path: Path) -> None:
    """Refuse a run without a checkpoint; anything else that may lie at the path passes.

    Raises:
        RequestError: naming the step, and the command that goes on.
    """
    run = RunLayout(path)
    if not run.config.is_file() or run.checkpoint.is_dir():
        return
    values = _mapping(run.config)
    for stage in ("train", "import"):
        if isinstance(values.get(stage), dict):
            how_far = _how_far(run, values[stage]) if stage == "train" else ""
            raise RequestError(
                f"{path}: this run is not finished{how_far}; run the same `xc {stage}` again"
            )


def _how_far(run: RunLayout, trained: Mapping[str, Any]) -> str:
    """` (step 20 of 156)`, of what is saved."""
    saved = states.saved_steps(run.state)
    try:
        steps = (
            states.load_values(run.state, saved[-1])["schedule"]["steps"]
            if saved
            else trained["tokens"] // trained["batch_size"]
        )
    except (DamageError, KeyError, TypeError, ZeroDivisionError):
        return ""
    return f" (step {saved[-1] if saved else 0:,} of {steps:,} is saved)"


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return values if isinstance(values, dict) else {}
