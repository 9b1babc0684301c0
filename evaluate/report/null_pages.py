"""One page of the report for each null control: what was done, what came out, what it says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xc.evaluate.nulls.command import command
from xc.evaluate.nulls.conditions import (
    EVALUATED,
    IDENTICAL,
    PERMUTED,
    PLANTED,
    SEEDS,
    of_seeds,
    remarks_of_l0,
)
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.null_kinds import QUESTIONS, TITLES
from xc.evaluate.report.null_tables import (
    CLASSES,
    ESTIMATED,
    NullTable,
    again,
    alike,
    beside,
    found,
    found_again,
    planted,
)
from xc.evaluate.report.numbers import number, one, whole

_DONE = {
    IDENTICAL: (
        "The same training with A as both sources. Nothing is in one of them alone: every A-only "
        "and B-only latent of this control is a mistake of training, or of the cut between classes."
    ),
    PERMUTED: (
        "The same training, with every row of B in the place of a row of another sequence. No row "
        "of A has to do with the row of B beside it: every shared latent of this control is "
        "chance, or a mistake of the cut between classes."
    ),
    SEEDS: (
        "The same training on the same data from other seeds, with the rows in another order. "
        "Latents of each class were matched one to one with those of the same class there, by the "
        "cosine of their decoder rows in the source that owns them (of shared ones in both)."
    ),
    PLANTED: (
        "A small crosscoder of the same kind, trained on directions that were planted, some in one "
        "source only; and another where all of them are shared. A direction is found if a latent "
        "has a cosine above 0.9 with it and is of its class."
    ),
}
_ONE_TRAINING = (
    "It is one training. The interval is that of a count (Poisson); another seed of the control "
    "would give another count."
)
_MISLEADS = {
    IDENTICAL: (
        "It shows neither shrinkage nor decoupling: nothing here is faint, and nothing fires in "
        "one source alone. It bounds noise of training and chance; ν (latent scaling) tests the "
        "others.",
        "A against itself is A. If B is wider, noisier or less well reconstructed, more may be B "
        "only by mistake.",
        "Where both decoders start alike (`--init-same`), it is empty by construction.",
        _ONE_TRAINING,
    ),
    PERMUTED: (
        "It says nothing of A only and B only: where nothing is shared, to be exclusive is right.",
        "It is a harder world. A and B have no common cause, each needs latents of its own, and "
        "less variance is explained.",
        "Shared is what has equal norms: two unrelated directions in one latent count too.",
        _ONE_TRAINING,
    ),
    SEEDS: (
        "Found again is not true: what a recipe does wrong, it does with every seed. Latents that "
        "were shrunk or decoupled come back.",
        "Not found again is not false: of several ways to split what is there, each seed takes "
        "one. Compare classes with each other, and with chance (the other dictionary turned by a "
        "random rotation).",
        "The interval is over latents, as if they were independent of each other.",
    ),
    PLANTED: (
        "Planted directions are independent of each other, equally long and few: the control says "
        "whether the recipe can do it, not that it did so on these data.",
        "It is one training of each: with as few directions, one more or less moves the shares "
        "by several per cent.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class NullPage:
    """What the page of one control shows."""

    kind: str
    title: str
    question: str
    done: str
    facts: tuple[tuple[str, str], ...]
    command: str
    """Which made it."""
    tables: tuple[NullTable, ...]
    lists: tuple[NullTable, ...]
    """Latents one by one."""
    says: tuple[str, ...]
    remarks: tuple[str, ...]
    """That its L0 is not that of the run."""
    misleads: tuple[str, ...]
    figure: str
    """Name of its figure, which is drawn where the data are kept."""
    reports: tuple[tuple[str, str], ...]
    """(name, address) of reports of the control's own runs."""

    @property
    def anchor(self) -> str:
        """Where it begins."""
        return f"null-{self.kind}"


def null_page(kind: str, data: ReportData, entry: Mapping[str, Any]) -> NullPage:
    """The page of a control that was made and fits the run.

    Args:
        kind: of the control.
        data: of the run.
        entry: what the control came to.
    """
    listed = data.kept.reproduced if kind == SEEDS else None
    return NullPage(
        kind=kind,
        title=TITLES[kind],
        question=QUESTIONS[kind],
        done=_DONE[kind],
        facts=tuple(_facts(entry)),
        command=command([kind], entry),
        tables=_tables(kind, data, entry),
        lists=() if listed is None else tuple(found_again(data, entry, listed)),
        says=tuple(_SAYS[kind](data, entry)),
        remarks=tuple(remarks_of_l0(data.summary, {kind: entry})),
        misleads=_MISLEADS[kind],
        figure=f"null_{kind}",
        reports=data.kept.reports.get(kind, ()),
    )


def _facts(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "seeds" in entry:
        yield "Seeds", ", ".join(str(seed) for seed in entry["seeds"])
    if entry.get("tokens") is not None:
        yield "Trained on", f"{entry['tokens']:,} tokens"
    if entry.get("tokens_of_run") is not None:
        yield "This run", f"{entry['tokens_of_run']:,} tokens"
    if "rows" in entry:
        yield "Rows of its store", f"{entry['rows']:,}"
    if "widths" in entry:
        yield "Widths of its sources", ", ".join(str(width) for width in entry["widths"])
    rows = (entry.get(EVALUATED) or {}).get("rows")
    # The rows of planted data are others, and are measured all.
    if rows is not None and "directions" not in entry:
        yield "Measured on", f"{rows:,} held-out rows"


def _tables(kind: str, data: ReportData, entry: Mapping[str, Any]) -> tuple[NullTable, ...]:
    if kind == SEEDS:
        found = again(data.summary, entry, data.kept.reproduced)
        seeds = {f"Seed {seed}": measured for seed, measured in of_seeds(entry).items()}
        return (alike(data.summary, seeds), found) if seeds else (found,)
    if kind == PLANTED:
        return planted(entry)
    return beside(data.summary, entry, kind, TITLES[kind])


def _says_false(kind: str, data: ReportData) -> Iterator[str]:
    """Latents of a class that would be there if there were none to find."""
    summary = data.summary
    for words, name in ((w, n) for w, n in CLASSES if n in ESTIMATED[kind]):
        n, rate, bounds = (
            summary.get(key) for key in (f"n_{name}", f"fdr_{name}", f"fdr_{name}_ci")
        )
        if n is None or rate is None or bounds is None:
            why = (summary.get("not_measured") or {}).get(f"fdr_{name}", "no value")
            yield f"Nothing is estimated of {words}: {why}."
            continue
        few, low, high = (number(share * n, one) for share in (rate, *bounds))
        yield (
            f"Of this run's {number(n, whole)} {_as_one(words)} latents, {few} would be there by "
            f"mistake ({low} to {high})."
        )


def _says_identical(data: ReportData, _: Mapping[str, Any]) -> Iterator[str]:
    yield from _says_false(IDENTICAL, data)


def _says_permuted(data: ReportData, _: Mapping[str, Any]) -> Iterator[str]:
    yield from _says_false(PERMUTED, data)


def _says_again(data: ReportData, entry: Mapping[str, Any]) -> Iterator[str]:
    for words, name in CLASSES[1:]:
        n, share = data.summary.get(f"n_{name}"), entry.get(f"reproduced_{name}")
        if n is None or share is None:
            yield f"There is no {_as_one(words)} latent to be found again."
            continue
        chance = number(n * (entry.get(f"reproduced_{name}_chance") or 0.0), one)
        yield (
            f"Of {number(n, whole)} {_as_one(words)} latents another seed has "
            f"{number(n * share, one)} on average, and would have {chance} by chance."
        )


def _says_planted(_: ReportData, entry: Mapping[str, Any]) -> Iterator[str]:
    for (words, name), there in zip(CLASSES, entry["directions"], strict=True):
        right, false = found(entry, name, there), entry.get(f"false_{name}")
        if right is None or false is None:
            continue
        yield (
            f"Of {there:,} {_as_one(words)} directions {right:,} are found. Latents called "
            f"{words}: {right + false:,}, false among them: {false:,}."
        )


def _as_one(words: str) -> str:
    """As it stands before a noun: `A-only`."""
    return words.replace(" ", "-")


_SAYS: Mapping[str, Callable[[ReportData, Mapping[str, Any]], Iterator[str]]] = {
    IDENTICAL: _says_identical,
    PERMUTED: _says_permuted,
    SEEDS: _says_again,
    PLANTED: _says_planted,
}
