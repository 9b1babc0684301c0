"""Evaluations that kill their process: by a metric that is summed up, once (importable where
workers run), or when a bar has moved so far."""

import os
import signal
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from xc.evaluate import METRICS, EvaluateConfig, evaluate, run
from xc.evaluate.metric import Metric, Partial, Sums
from xc.evaluate.metrics import l0
from xc.evaluate.row_block import RowBlock
from xc.evaluate.spliced_metrics import SPLICED
from xc.store_schema import ActivationStore, RunLayout, Silent


@dataclass(frozen=True)
class DiesOnce:
    """The partial of a metric; when a process asks for the n-th time it leaves a marker and dies,
    unless one is there."""

    partial: Partial
    n: int
    marker: Path

    def __call__(self, block: RowBlock) -> Sums:
        if next(_CALLS) == self.n and not self.marker.exists():
            self.marker.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return self.partial(block)


_CALLS = count(1)
"""Of this process."""


def dying_metrics(n: int, marker: Path) -> tuple[Metric, ...]:
    """The table of metrics, of which l0 dies once."""
    dying = DiesOnce(l0.partial, n, marker)
    return tuple(replace(m, partial=dying) if m.name == "l0" else m for m in METRICS)


def evaluate_and_die(store: Path, root: Path, config: EvaluateConfig, n: int) -> None:
    """An evaluation that is killed as it comes to its n-th tile."""
    run._TABLE = (*dying_metrics(n, root / "died"), *SPLICED)
    opened = ActivationStore.open(store)
    evaluate(config, run=RunLayout(root), store=opened, progress=Silent())


class DiesAt(Silent):
    """Kills its process when a bar of this title has moved so far."""

    def __init__(self, title: str, far: int) -> None:
        self._title, self._left, self._here = title, far, False

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        """See whether it is the one."""
        self._here = title == self._title

    def advance(self, amount: int, **figures: float) -> None:
        """Count, and die."""
        self._left -= amount if self._here else 0
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def evaluate_and_die_at(
    store: Path, root: Path, config: EvaluateConfig, title: str, far: int
) -> None:
    """An evaluation that is killed when a bar has moved so far."""
    told = DiesAt(title, far)
    evaluate(config, run=RunLayout(root), store=ActivationStore.open(store), progress=told)
