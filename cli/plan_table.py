"""A plan as a table on the screen."""

import json
import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from xc.cli.planning import Plan
from xc.store_schema.byte_sizes import size_text

if TYPE_CHECKING:
    from xc.harvest.estimate import Estimate


def print_plan(plan: Plan, *, as_json: bool, console: Console) -> None:
    """Print what a pipeline takes, stage by stage."""
    if as_json:
        text = json.dumps(plan.to_dict(), indent=2)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        return
    console.print(_table(plan))
    for line in _lines(plan):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(plan: Plan) -> Table:
    need = plan.harvest.need
    table = Table(box=None, pad_edge=False)
    for name in ("stage", "rows", "disk", "memory", "time"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    about = "" if need.exact else "up to "
    if need.new_rows:
        table.add_row("  text", f"{about}{need.new_rows:,}", size_text(need.text), "", "")
    for source in need.sources:
        table.add_row(f"  {source.key}", f"{source.rows:,}", size_text(source.bytes), "", "")
    table.add_row(
        "harvest",
        f"{about}{need.rows:,}",
        size_text(need.bytes),
        size_text(need.memory) + (f" + GPU {size_text(need.device)}" if need.device else ""),
        duration(plan.harvest.seconds),
    )
    for stage in plan.stages:
        rows = stage.details["tokens" if stage.name == "train" else "heldout_rows"]
        table.add_row(
            stage.name, f"{rows:,}", size_text(stage.bytes), size_text(stage.memory),
            duration(stage.seconds),
        )  # fmt: skip
    if plan.stages:
        table.add_row(
            "in all", "", size_text(plan.bytes), size_text(plan.memory), duration(plan.seconds)
        )
    return table


def _lines(plan: Plan) -> list[str]:
    need = plan.harvest.need
    free = "unknown" if need.free is None else size_text(need.free)
    sequences = "" if need.sequences is None else f"about {need.sequences:,} sequences; "
    return [
        f"{need.store}: {sequences}{need.codec}; free there: {free}; memory for this process: "
        f"{size_text(need.available)}",
        *([there_line(need)] if need.there else []),
        *(f"note: {note}" for note in plan.harvest.notes),
        "fits" if plan.problem is None else f"does not fit: {plan.problem}",
    ]


def there_line(need: "Estimate") -> str:
    """What lies in the store already, and what a harvest would add."""
    held = f"{need.store} is there already ({size_text(need.there)})"
    lacking = [source for source in need.sources if source.rows]
    if not need.new_rows and not lacking:
        return f"{held}: all of it is harvested, and nothing would be added"
    text = [f"{need.new_rows:,} more rows of text"] if need.new_rows else []
    added = [*text, *(f"{source.rows:,} rows of {source.key}" for source in lacking)]
    return f"{held}: a harvest would add {', '.join(added)}"


def duration(seconds: float | None) -> str:
    """Seconds for people, rounded as an estimate is; nothing if unknown."""
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 86400:.0f} days"
