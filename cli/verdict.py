"""What `xc verify` says last: how much is wrong, in which shards, and how it is mended."""

import re
from collections.abc import Sequence
from pathlib import Path

from xc.store_schema import RunLayout
from xc.store_schema.kinds import RUN, RUNS, kind_of, runs_in
from xc.store_schema.places import place
from xc.store_schema.problem import Problem
from xc.store_schema.verify_nulls import UNFINISHED, runs_of_controls, stores_of_controls

MOST = 8
"""Shards that are named; all are listed above."""

_SHARD = re.compile(r"(?:activations|norms|shards)/([^/]+)/c/([0-9]+)(?:/0)?$")
_CONTROL = re.compile(r"((?:^|.*(?<!evaluation)/)nulls/[^/]+)")


def verdict(problems: Sequence[Problem]) -> str:
    """One line: `2 problems, listed above by file; shard 3 of gpt2@6; …`."""
    n = len(problems)
    said = [f"{n} problem{'s' if n > 1 else ''}, listed above by file"]
    if shards := shards_of(problems):
        named = ", ".join(f"{index} of {key}" for key, index in shards[:MOST])
        more = f" and {len(shards) - MOST} more" if len(shards) > MOST else ""
        said.append(
            f"shard{'s' if len(shards) > 1 else ''} {named}{more}: the same `xc harvest` writes "
            "them again and nothing else"
        )
    if controls := controls_of(problems):
        said.append(
            f"null controls are mended by deleting {', '.join(controls)} and "
            "evaluation/nulls.json, and running `xc null` again: others are not trained again"
        )
    return "; ".join(said)


def shards_of(problems: Sequence[Problem]) -> list[tuple[str, int]]:
    """Source and number of the shards that have a problem, each once; none of null controls."""
    found = (_SHARD.search(p.file) for p in problems if not _CONTROL.match(p.file))
    return sorted({(match[1], int(match[2])) for match in found if match})


def controls_of(problems: Sequence[Problem]) -> list[str]:
    """Folders of the null controls that have a problem, each once; of unfinished ones none."""
    found = (_CONTROL.match(p.file) for p in problems if p.what != UNFINISHED)
    return sorted({match[1] for match in found if match})


def controls_kept(path: str) -> str:
    """What was verified beside the runs at a path: `, with 2 runs and 1 store of null controls`."""
    where = place(path)
    if not isinstance(where, Path) or (kind := kind_of(where)) not in (RUN, RUNS):
        return ""
    layouts = [RunLayout(p) for p in (runs_in(where) if kind == RUNS else [where])]
    runs = sum(len(runs_of_controls(layout)) for layout in layouts)
    stores = sum(len(stores_of_controls(layout)) for layout in layouts)
    if not runs + stores:
        return ""
    return f", with {_counted(runs, 'run')} and {_counted(stores, 'store')} of null controls"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
