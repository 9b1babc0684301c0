"""A look at all rows for something other than a metric: read once, and kept stage by stage.

Examples and twins are looked for when the metrics are known. What is found is kept as sums are,
under a name that stands for the question.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from dask.delayed import delayed

from xc.evaluate.blocks import Range
from xc.evaluate.graph import WHOLE
from xc.evaluate.measuring import stages_of
from xc.evaluate.metric import Combine, Sums
from xc.evaluate.passes import Passes
from xc.evaluate.scheduler import Work
from xc.evaluate.task_graph import new_token


@dataclass(frozen=True)
class Look:
    """What is looked for."""

    kind: str
    """What for, and the version of how: what is kept of another kind is left alone."""
    question: str
    """A digest of all that the answer depends on beside rows and latents."""
    title: str
    """What progress is told is going on."""
    graph: Callable[[Sequence[Range]], Any]
    """Delayed arrays by name: what some blocks hold of it."""
    combine: Combine
    """What two parts of the rows hold to what both do; associative."""

    @property
    def label(self) -> str:
        """Under which it is kept."""
        return f"{self.kind}{self.question}"


def look(work: Work, passes: Passes, sought: Look) -> Sums:
    """What all rows hold of it; rows are read only where it is not kept yet.

    The last answer of each kind stays, so that what is kept does not grow with the questions.

    Args:
        work: where and over which blocks.
        passes: what is kept.
        sought: what is looked for.
    """
    label = sought.label
    if label not in passes.held(None):
        _read(work, passes, sought)
        passes.save({label: _over_stages(work, passes, sought)}, None)
        passes.forget_kind(sought.kind, but=label)
    return passes.load([label], None)[label]


def _read(work: Work, passes: Passes, sought: Look) -> None:
    """Look through the stages that are not kept."""
    token, ends, read = new_token(), [], list[Range]()
    for number, blocks in enumerate(stages_of(work.blocks)):
        if sought.label not in passes.stage(number):
            end = delayed(_Keep(passes, number, sought.label), pure=False)
            name = f"found-{token}-{blocks[0][0]:012d}"
            ends.append(end(sought.graph(blocks), dask_key_name=name))
            read += blocks
    if ends:
        work.run(delayed(ends), sought.title, read)


def _over_stages(work: Work, passes: Passes, sought: Look) -> Sums:
    label, stages = sought.label, range(len(stages_of(work.blocks)))
    parts = (dict(passes.of_stage(n, [label]))[WHOLE][label] for n in stages)
    return reduce(sought.combine, parts)


@dataclass(frozen=True)
class _Keep:
    """The task that ends a stage: what it found goes to the disk, nothing comes back."""

    passes: Passes
    number: int
    label: str

    def __call__(self, found: Sums) -> None:
        """Write it."""
        self.passes.save_stage({WHOLE: {self.label: found}}, self.number, [self.label])
