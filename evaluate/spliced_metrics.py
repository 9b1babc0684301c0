"""What a reconstruction costs the model that it is spliced into: numbers from sums per sequence.

They read no rows of the store: `spliced_sums` keeps what forward passes of the models gave.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Statistic, Sums
from xc.evaluate.sequence_sums import TABLE, totals

FEATURES = ("predicted", "clean", "spliced", "zero", "positions", "replaced")
"""Columns of the table of sums, for each source in turn."""

UNDEFINED = "the models were not run (`xc evaluate --ce` runs them)"


@dataclass(frozen=True)
class Totals:
    """Sums over sequences of every source, float64 […, source] each."""

    predicted: np.ndarray
    """Tokens predicted."""
    clean: np.ndarray
    """Cross-entropies of the model as it is, nats."""
    spliced: np.ndarray
    """The same with reconstructions in the place of activations."""
    zero: np.ndarray
    """The same with zeros in the place of activations."""
    positions: np.ndarray
    """Positions run."""
    replaced: np.ndarray
    """Positions whose activation was replaced by a reconstruction."""

    def mean(self, sums: np.ndarray) -> np.ndarray:
        """Over predicted tokens; NaN where none was."""
        return quotient(sums, self.predicted)


Number = Callable[[Totals], np.ndarray]


def quotient(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part/whole elementwise; NaN where the whole is zero."""
    found = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole != 0)
    return np.asarray(found)


def _delta(t: Totals) -> np.ndarray:
    return np.asarray(t.mean(t.spliced) - t.mean(t.clean))


def _recovered(t: Totals) -> np.ndarray:
    return np.asarray(1 - quotient(t.spliced - t.clean, t.zero - t.clean))


def _statistic(number: Number) -> Statistic:
    def statistic(sums: Sums, facts: Facts) -> np.ndarray:
        table = sums[TABLE]
        shape = (*table.shape[:-1], facts.decoder.n_sources, len(FEATURES))
        return number(Totals(*np.moveaxis(table.reshape(shape), -1, 0)))

    return statistic


def _metric(
    name: str,
    number: Number,
    bounds: tuple[float, float],
    *,
    summary: str,
    formula: str,
    source: str,
    meaning: str,
    misleads: str,
    undefined: str = UNDEFINED,
) -> Metric:
    statistic = _statistic(number)

    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return statistic(totals(sums), facts)

    return Metric(
        name=name,
        scope=Scope.PER_SOURCE,
        reads=Pass.NONE,
        finish=finish,
        statistic=statistic,
        bounds=bounds,
        summary=summary,
        formula=formula,
        source=source,
        meaning=meaning,
        misleads=misleads,
        undefined=undefined,
    )


_ANY = (-float("inf"), float("inf"))
_POSITIVE = (0.0, float("inf"))
_OVER = "over all predicted tokens of the held-out sequences, whatever `--keep` narrows"

SPLICED: tuple[Metric, ...] = (
    _metric(
        "ce_clean",
        lambda t: t.mean(t.clean),
        _POSITIVE,
        summary="Next-token cross-entropy of the model as it is, nats per token.",
        formula=f"mean of −ln p(next token), {_OVER}; sums first, one division last.",
        source="In common use.",
        meaning="How well the model predicts this text at all.",
        misleads="Models with other tokenizers predict other tokens; nats per token are not alike.",
    ),
    _metric(
        "ce_spliced",
        lambda t: t.mean(t.spliced),
        _POSITIVE,
        summary="The same cross-entropy with the reconstruction in the place of the activation.",
        formula=(
            "as ce_clean, of the model whose activations at the source's site are x̂, taken back to "
            "the model's own scale (x̂/scale + mean, and each row's own mean where rows are "
            "centred). Rows that the store's mask drops keep their original activation, and so do "
            "positions that are no rows (BOS above all) and rows that the run's filter leaves out "
            "(attention sinks, roles it was not trained on). Latents come from clean runs of all "
            "models; one model is spliced at a time (after Kissane et al.)."
        ),
        source="Kissane et al.'s notebook; masks and filters: xc.",
        meaning="Near ce_clean: what the reconstruction loses does not matter for the next token.",
        misleads=(
            "Positions that keep their activation help the others through attention: read "
            "`ce_replaced` beside it."
        ),
    ),
    _metric(
        "ce_zero",
        lambda t: t.mean(t.zero),
        _POSITIVE,
        summary="The same cross-entropy with zeros in the place of the activation.",
        formula="as ce_clean, of the model whose site is zero at every position, BOS included.",
        source="Kissane et al.'s notebook.",
        meaning="What is lost when the site carries nothing: the far end of ce_recovered's scale.",
        misleads=(
            "Zero is no activation that a model ever sees; the loss may be far above that of a "
            "uniform guess, and makes ce_recovered look good."
        ),
    ),
    _metric(
        "ce_delta",
        _delta,
        _ANY,
        summary="Nats per token that the reconstruction costs.",
        formula="ce_spliced − ce_clean.",
        source="Kissane et al.'s notebook.",
        meaning="0: nothing is lost. It needs no far end, and is the number to compare by.",
        misleads=(
            "Nats of different models, texts and depths are not alike. Below 0 the splice predicts "
            "better than the model: chance, or a model that was damaged."
        ),
    ),
    _metric(
        "ce_recovered",
        _recovered,
        _ANY,
        summary="Share of the loss between zero ablation and the model that is recovered.",
        formula=(
            "1 − (CE_spliced − CE_clean)/(CE_zero − CE_clean), sums over all sequences before the "
            "division (loss recovered, Kissane et al.). Rows that the store's mask drops keep "
            "their original activation in the splice; zero ablation covers every position."
        ),
        source="Kissane et al.'s notebook (loss recovered).",
        meaning="1: as good as the model's own activations; 0: as bad as zeros.",
        misleads=(
            "Zero ablation is so bad that what is lost looks small beside it: 0.32 of 2.22 nats "
            "are 4 % in the demonstration; compare ce_delta. The splice leaves some positions "
            "alone, the ablation none, which makes it larger."
        ),
        undefined=f"{UNDEFINED}, or zeros cost nothing",
    ),
    _metric(
        "ce_replaced",
        lambda t: quotient(t.replaced, t.positions),
        (0.0, 1.0),
        summary="Share of the positions whose activation the splice replaces.",
        formula="rows replaced over all positions of the held-out sequences, BOS included.",
        source="xc.",
        meaning=(
            "Just below 1 where only BOS and sinks keep their activation; far below where the run "
            "is about some roles alone, or the mask drops much."
        ),
        misleads="It does not tell which positions matter for the next tokens.",
    ),
)
"""Rows of a table of their own, after `METRICS`."""
