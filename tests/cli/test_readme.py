"""The README's lines of Python run as they stand, from top to bottom."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import planted
from measured import Case

from xc.store_schema import ActivationStore, RunLayout

README = Path(__file__).parents[2] / "README.md"


def test_from_python(
    truth: planted.Truth, planted_store: ActivationStore, planted_run: RunLayout
) -> None:
    checkpoint = planted.true_crosscoder(truth, planted_store)
    Case(truth, planted_store, checkpoint, planted_run).evaluate(
        metrics=("sharedness", "nu_error"), bootstrap=0, groups=0
    )
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names = ("acts.zarr", "runs/default", "gpt2@6", "distilgpt2@3")
    here = (str(planted_store.path), str(planted_run.root), *planted.KEYS)
    for name, mine in zip(names, here, strict=True):
        assert f'"{name}"' in block
        block = block.replace(f'"{name}"', repr(mine))
    found: dict[str, Any] = {}
    exec(block, found)
    for x, xhat in ((found["x_a"], found["xhat_a"]), (found["x_b"], found["xhat_b"])):
        assert np.square(x - xhat.numpy()).sum() < 0.2 * np.square(x - x.mean(axis=0)).sum()
