"""Runs to compare: an evaluated one, copied with other numbers and settings."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from xc.evaluate import Evaluation

SETTINGS: Mapping[str, object] = {"k": 4, "seed": 0, "d_sae": 18}


def copied(
    evaluation: Evaluation, to: Path, *, train: Mapping[str, object] = SETTINGS, **summary: object
) -> Path:
    """The run again; `train` replaces its settings, `summary` some of its numbers."""
    shutil.copytree(evaluation.run.root, to)
    path = to / "evaluation" / "summary.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, **summary}))
    (to / "config.yaml").write_text(yaml.safe_dump({"train": dict(train)}))
    return to
