"""The short tables that commands print when they are done."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from xc.store_schema import Checkpoint

if TYPE_CHECKING:  # the harvester's command needs no evaluator
    from xc.evaluate import Evaluation
    from xc.train import TrainReport

OF_EACH: tuple[tuple[str, str, str], ...] = (
    ("fve_{}", "variance explained, {}", ".3f"),
    ("n_{}_only", "{}-only latents", ",.0f"),
    ("fdr_{}_only", "{}-only, estimated false", ".1%"),
)
"""Keys of each source, by its letter."""

HEADLINES: tuple[tuple[str, str, str], ...] = (
    OF_EACH[0],
    ("ce_recovered_{}", "loss recovered, {}", ".3f"),
    ("l0", "latents active per token", ".1f"),
    ("dead_fraction", "dead latents", ".1%"),
    ("n_shared", "shared latents", ",.0f"),
    *OF_EACH[1:],
    ("n_other", "other latents", ",.0f"),
    ("sharedness", "sharedness (1: equal norms)", ".3f"),
    ("alignment_adjusted", "alignment above chance", ".3f"),
    ("cosine_shared_median", "median cosine of shared latents", ".3f"),
)
"""Keys of summary.json, in the words of the printed table."""

OF_PAIRS: tuple[tuple[str, str, str], ...] = (
    ("sharedness", "sharedness", ".3f"),
    ("alignment_adjusted", "aligned,\nabove\nchance", ".3f"),
    ("n_shared", "shared", ",.0f"),
    ("n_{p}_only", "first\nonly", ",.0f"),
    ("n_{q}_only", "second\nonly", ",.0f"),
)
"""Keys of each pair of more than two sources, by its letters."""

_WITH_INTERVAL = ("sharedness", "alignment_adjusted")
"""Those that have room for one."""


def print_evaluation(console: Console, done: "Evaluation") -> None:
    """The numbers that people look for first, and where the whole report lies."""
    sources = [s.key for s in Checkpoint.load(done.run.checkpoint).sources]
    console.print(_headlines(done.summary, sources))
    if (pairs := _pairs(done.summary, len(sources))) is not None:
        console.print(pairs)
        print_path(console, "more of each pair", f"xc compare {shlex.quote(str(done.run.root))}")
    _print_evidence(console, done)
    print_failure(console, {m: done.summary.get(f"fve_{m}") for m in _letters(len(sources))})
    what = "report" if done.run.report.is_file() else "numbers"
    path = done.run.report if done.run.report.is_file() else done.run.summary
    print_path(console, what, path.resolve())
    if _needs_control(done.summary):
        how = f"xc null {shlex.quote(str(done.run.root))} --kind identical"
        print_path(console, "false among the exclusive latents", f"{how} estimates how many")


def _print_evidence(console: Console, done: "Evaluation") -> None:
    """A dim line that says over how much the intervals are, where there are any."""
    from xc.evaluate.evidence import evidence  # noqa: PLC0415  (as below)

    over = evidence(done.provenance)
    if over and any(key.endswith("_ci") and ends for key, ends in done.summary.items()):
        console.print(f"intervals over {over}", style="dim", highlight=False, soft_wrap=True)


def print_failure(console: Console, fve: Mapping[str, float | None]) -> None:
    """A warning where a source is reconstructed worse than by the mean of its rows."""
    failed = {source: value for source, value in fve.items() if value is not None and value < 0}
    if failed:
        values = ", ".join(f"{source.upper()} {value:,.3f}" for source, value in failed.items())
        print_path(
            console, "warning",
            f"variance explained is below 0 ({values}), worse than the mean row alone: what is "
            "told of such latents says little of the models",
        )  # fmt: skip


def _headlines(summary: Mapping[str, Any], sources: Sequence[str]) -> Table:
    """The table of headline numbers, with their intervals where there are any."""
    table = Table(title="  and  ".join(sources), title_justify="left", title_style="bold")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right", style="dim")
    for key, words, form in _keys(len(sources)):
        if _is_shown(key, summary, len(sources)):
            table.add_row(words, _number(summary[key], form), _interval(summary, key, form))
    return table


def _pairs(summary: Mapping[str, Any], n_sources: int) -> Table | None:
    """Of more than two sources a row for each pair, of what was measured; else nothing."""
    letters = _letters(n_sources)
    pairs = list(combinations(letters, 2)) if n_sources > 2 else []
    shown = [(k, w, f) for k, w, f in OF_PAIRS if any(_of_pair(k, summary, *p) for p in pairs)]
    if not shown:
        return None
    table = Table(title="pair by pair", title_justify="left", title_style="bold", box=None)
    table.padding, table.pad_edge = (0, 1, 0, 0), False
    table.add_column("", no_wrap=True)
    for key, words, _ in shown:
        table.add_column(words, justify="right", no_wrap=True)
        if key in _WITH_INTERVAL:
            table.add_column("95 % interval", justify="right", style="dim", no_wrap=True)
    for p, q in pairs:
        table.add_row(f"{p.upper()}–{q.upper()}", *_of_columns(shown, summary, p, q))
    return table


def _of_columns(
    shown: Sequence[tuple[str, str, str]], summary: Mapping[str, Any], p: str, q: str
) -> Iterator[str]:
    for stem, _, form in shown:
        key = _of_pair(stem, summary, p, q)
        yield _number(summary[key], form) if key else ""
        if stem in _WITH_INTERVAL:
            yield _interval(summary, key, form) if key else ""


def _of_pair(stem: str, summary: Mapping[str, Any], p: str, q: str) -> str:
    """The pair's key, if it has a number; else nothing."""
    key = f"{stem.format(p=p, q=q)}_{p}_{q}"
    return key if summary.get(key) is not None else ""


def _is_shown(key: str, summary: Mapping[str, Any], n_sources: int) -> bool:
    """Whether a row tells something: of one source many cannot, of no control no estimate, of
    models that were not run no loss, and what was not asked for nothing."""
    if key not in summary or summary[key] is not None:
        return key in summary
    if _was_left_out(key, summary):
        return False
    return n_sources > 1 and not key.startswith(("fdr_", "ce_"))


def _was_left_out(key: str, summary: Mapping[str, Any]) -> bool:
    from xc.evaluate.summary import LEFT_OUT  # noqa: PLC0415  (as below)

    return bool(summary.get("not_measured", {}).get(key) == LEFT_OUT)


def _needs_control(summary: Mapping[str, Any]) -> bool:
    from xc.evaluate.nulls.conditions import STALE  # noqa: PLC0415  (as below)
    from xc.evaluate.nulls.results import NEEDS  # noqa: PLC0415

    if summary.get("n_a_only") is None:
        return False
    reason = str(summary.get("not_measured", {}).get("fdr_a_only", ""))
    return reason.startswith((NEEDS, STALE))


def _letters(n_sources: int) -> list[str]:
    from xc.evaluate.letters import letter  # noqa: PLC0415  (as below)

    return [letter(m) for m in range(n_sources)]


def _keys(n_sources: int) -> Iterator[tuple[str, str, str]]:
    letters = _letters(n_sources)
    for key, words, form in HEADLINES:
        for name in letters if "{}" in key else letters[:1]:
            yield key.format(name), words.format(name.upper()), form


def _number(value: Any, form: str) -> str:
    from xc.evaluate.report.numbers import in_form  # noqa: PLC0415  (as above)

    return "not measured" if value is None else in_form(value, form)


def _interval(summary: Mapping[str, Any], key: str, form: str) -> str:
    bounds = summary.get(f"{key}_ci")
    return " to ".join(_number(bound, form) for bound in bounds) if bounds else ""


def training_line(report: "TrainReport") -> str:
    """What a run was trained on, and what came of it."""
    fve = ", ".join(f"{name} {value:.3f}" for name, value in report.fve.items())
    return (
        f"{report.steps:,} steps, {report.tokens:,} tokens: {report.unique_rows:,} unique rows, "
        f"{report.epochs:.1f} epochs; validation fve {fve}, l0 {report.l0:.1f}"
    )


def print_runs(console: Console, reports: Sequence["TrainReport"]) -> None:
    """A line for each run of a sweep, and its folder."""
    table = Table(box=None, pad_edge=False)
    sources = [f"fve {name}" for name in max((r.fve for r in reports), key=len)]
    for name in ("run", "steps", "unique rows", "epochs", *sources, "l0"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for r in reports:
        fve = [f"{value:.3f}" for value in r.fve.values()]
        fve += [""] * (len(sources) - len(fve))
        table.add_row(
            r.run.name, f"{r.steps:,}", f"{r.unique_rows:,}", f"{r.epochs:.1f}", *fve,
            f"{r.l0:.1f}",
        )  # fmt: skip
    console.print(table)
    for r in reports:
        print_path(console, "run", r.run)
        print_failure(console, r.fve)


def print_path(console: Console, what: str, path: object) -> None:
    """A name and what belongs to it on one line, unwrapped, so that it can be copied."""
    console.print(f"{what}: {path}", markup=False, highlight=False, soft_wrap=True)
