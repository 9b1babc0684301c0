"""Spliced losses on their way into an evaluation: sums of all sources, and why some are missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xc.evaluate.letters import letter
from xc.evaluate.metric import Sums
from xc.evaluate.naming import names
from xc.evaluate.reader import Reader
from xc.evaluate.sequence_sums import SEQUENCE, TABLE
from xc.evaluate.spliced_metrics import FEATURES, SPLICED
from xc.evaluate.spliced_precision import unequal
from xc.evaluate.spliced_sums import SplicedSums, kept_spliced
from xc.evaluate.summary import LEFT_OUT
from xc.store_schema import Progress, RunLayout

RUN_IT = "the models were not run with the reconstruction spliced in: run `xc evaluate --ce`"
DERIVED = "made of several sources: no model emits it, so that nothing can be spliced in"
_DERIVED_SITES = ("difference", "concatenation")


@dataclass(frozen=True)
class Spliced:
    """What is known of the losses of all sources."""

    n_sources: int
    found: Mapping[int, SplicedSums]
    """By number of the source."""
    reasons: Mapping[int, str]
    """Why there is nothing, for all other sources."""

    @property
    def told(self) -> dict[str, Any]:
        """For provenance.json: what was used and its precision, by letter of the source."""
        return {letter(source): sums.told for source, sums in sorted(self.found.items())}

    @property
    def sums(self) -> dict[str, Sums]:
        """By metric; per sequence, `FEATURES` of each source in turn, zeros where one lacks."""
        sequences = [sums.columns["sequence"] for sums in self.found.values()]
        every = np.unique(np.concatenate([np.zeros(0, np.int64), *sequences]))
        table = np.zeros((len(every), self.n_sources, len(FEATURES)))
        for source, sums in self.found.items():
            place = np.searchsorted(every, sums.columns["sequence"])
            table[place, source] = _features(sums.columns)
        whole = {SEQUENCE: every, TABLE: table.reshape(len(every), self.n_sources * len(FEATURES))}
        return {metric.name: whole for metric in SPLICED}

    def explained(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """A summary whose `not_measured` says of each source without losses why."""
        told = dict(summary["not_measured"])
        for metric in SPLICED:
            for source, key in enumerate(names(metric, self.n_sources)):
                if source in self.reasons and told.get(key) != LEFT_OUT:
                    nulls = [k for k in (key, f"{key}_ci") if k in summary]
                    told |= dict.fromkeys(nulls, self.reasons[source])
        return {**summary, "not_measured": dict(sorted(told.items()))}


def read_spliced(
    reader: Reader, run: RunLayout, progress: Progress, *, refused: Mapping[int, str]
) -> Spliced:
    """What is kept of a run.

    Args:
        reader: of its checkpoint, store and latent table.
        run: whose.
        progress: told what was removed, and of sources whose models ran in unequal precision.
        refused: why models could not be run just now, by number of the source.
    """
    found = kept_spliced(reader, run, progress)
    if note := unequal({letter(s): sums.precision for s, sums in sorted(found.items())}):
        progress.note(note)
    missing = [source for source in range(len(reader.keys)) if source not in found]
    reasons = {
        source: DERIVED if is_derived(reader, source) else refused.get(source, RUN_IT)
        for source in missing
    }
    return Spliced(len(reader.keys), found, reasons)


def is_derived(reader: Reader, source: int) -> bool:
    """Whether a source is made of others while it is read."""
    return reader.store.source(reader.keys[source]).site in _DERIVED_SITES


def _features(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """float64 [sequence, feature]."""
    positions = columns["predicted"] + 1
    return np.column_stack([{**columns, "positions": positions}[name] for name in FEATURES])
