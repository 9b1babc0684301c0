"""Writes the catalogue of metrics from their own table: `python -m xc.evaluate.document > FILE`."""

from collections.abc import Iterable

from xc.evaluate.metric import Metric, Scope
from xc.evaluate.metrics import METRICS

HEADINGS: tuple[tuple[str, frozenset[Scope]], ...] = (
    (
        "Numbers of summary.json",
        frozenset({Scope.SCALAR, Scope.PER_SOURCE, Scope.PER_PAIR}),
    ),
    (
        "Columns of latents.parquet",
        frozenset(s for s in Scope if s.is_column),
    ),
)

_SUFFIXES = {
    Scope.PER_SOURCE: "_a",
    Scope.LATENT_SOURCE: "_a",
    Scope.LATENT_SOURCE_DIRECTION: "_a",
}
"""Shown once, for the first source."""

INTRODUCTION = """\
# The metrics

What `xc evaluate` measures: the formula, what a value means, and when it misleads. This page is
written by `python -m xc.evaluate.document` from the same texts that the report shows; a test keeps
the two equal.

Throughout, x^m is an activation of source m after the normalisation of training, x̂^m its
reconstruction, f_j ≥ 0 the activation of latent j after the threshold, d_j^m its decoder row in
source m. A and B are the first and the second source; suffixes `_a`, `_b` name a source. Rows are
the held-out rows of the store that its mask keeps; BOS, padding and other special tokens are no
rows. All sums over rows are taken in float64, over all rows at once, and divided last. Intervals
(`<key>_ci`) are 95 % bootstrap intervals over sequences.

What a key means when it is null stands under *null* here, and in `not_measured` of summary.json.
"""


def catalogue(metrics: Iterable[Metric] = METRICS) -> str:
    """The page as Markdown."""
    metrics = tuple(metrics)
    parts = [INTRODUCTION]
    for heading, scopes in HEADINGS:
        parts.append(f"## {heading}\n")
        parts += [_entry(m) for m in metrics if m.scope in scopes]
    return "\n".join(parts)


def _entry(metric: Metric) -> str:
    low, high = metric.bounds
    lines = [
        f"### `{metric.output}{_SUFFIXES.get(metric.scope, '')}`\n",
        f"{metric.summary}\n",
        f"- **Formula.** {metric.formula}",
        f"- **Meaning.** {metric.meaning}",
        f"- **Misleads.** {metric.misleads}",
        f"- **Range.** {low:g} to {high:g}; shape: {metric.scope.value}.",
        f"- **Null.** When {metric.undefined}.\n",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(catalogue(), end="")
