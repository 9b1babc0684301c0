"""The section on spliced passes: what reconstructions cost models, and how they were spliced."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xc.evaluate.report.data import ReportData
from xc.evaluate.report.headline import HeadlineRow, rows_of
from xc.evaluate.spliced_metrics import SPLICED
from xc.evaluate.spliced_precision import told_precisions, unequal, words

FACTS = (
    "Rows that the store's mask drops keep their original activation in the splice, and so do "
    "positions that are no rows (the beginning-of-sequence token above all) and rows that the "
    "run's filter leaves out.",
    "Zero ablation covers every position.",
    "Losses are over all predicted tokens of the held-out sequences, whatever roles or parts of "
    "the corpus the other numbers are about.",
)


@dataclass(frozen=True)
class SplicedSection:
    """What the section shows."""

    facts: tuple[str, ...]
    """How it was spliced."""
    rows: tuple[HeadlineRow, ...]
    """Its numbers."""


def spliced_section(data: ReportData) -> SplicedSection | None:
    """None where no model was run."""
    rows = rows_of(SPLICED, data)
    return SplicedSection((*FACTS, *precisions(data.provenance)), rows) if rows else None


def precisions(provenance: Mapping[str, Any]) -> Iterator[str]:
    """In what precision the models ran, and that it is not the same where it is not."""
    found = told_precisions(provenance)
    if note := unequal(found):
        yield f"{note[0].upper()}{note[1:]}."
    elif found:
        yield f"The models ran in {words(next(iter(found.values())))}."
