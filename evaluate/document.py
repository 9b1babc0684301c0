"""Writes the catalogue of metrics, from their own table and from results on planted data.

    python -m xc.evaluate.document --results benchmarks/results > docs/metrics.md

Without `--results` it shows no numbers.
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from xc.evaluate import nu_curves
from xc.evaluate.document_intervals import chapter as told
from xc.evaluate.document_planted import Planted
from xc.evaluate.document_worlds import chapter
from xc.evaluate.groups import COLUMNS, NUMBERS
from xc.evaluate.metric import Metric, Scope
from xc.evaluate.metrics import METRICS
from xc.evaluate.row_counts import COUNTS
from xc.evaluate.spliced_metrics import SPLICED
from xc.evaluate.twins import table as twins_table
from xc.evaluate.twins.find import KEYS

HEADINGS: tuple[tuple[str, frozenset[Scope]], ...] = (
    (
        "Numbers of summary.json",
        frozenset({Scope.SCALAR, Scope.PER_SOURCE, Scope.PER_PAIR}),
    ),
    (
        "Columns of latents.parquet",
        frozenset(s for s in Scope if s.is_column),
    ),
    (
        "Sums that several numbers share",
        frozenset({Scope.PAIR_NUMBERS}),
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

What `xc evaluate` measures: the formula and whose it is, what a value means, when it misleads, and
what it reads where the truth is known (see [Planted truth](#planted-truth)). This page is written
by `python -m xc.evaluate.document --results benchmarks/results` from the same texts that the report
shows; a test keeps the two equal. Where L1 goes wrong, and how, is told at length
on [the page on artefacts](artefacts.md); how much of the headline numbers chance makes, on [that on
null controls](nulls.md).

Throughout, x^m is an activation of source m after the normalisation of training, x̂^m its
reconstruction, f_j ≥ 0 the activation of latent j after the threshold, d_j^m its decoder row in
source m. A and B are the first and the second source; suffixes `_a`, `_b` name a source. Rows are
the held-out rows of the store that its mask keeps; BOS, padding and other special tokens are no
rows; attention sinks are left out unless the run keeps them, and so is what its `keep` does not
name. All sums over rows are taken in float64, over all rows at once, and divided last. `<key>_ci`
is the 95 % interval of a number: see [Intervals](#intervals).

`xc evaluate --metrics sharedness,fve_a` measures a few of them alone: names of metrics, keys of
summary.json and columns of latents.parquet are understood (`fve_a` and `fve_b` are of one metric,
and come together), and what they need is measured too. It takes the place of the evaluation that
was there; `xc evaluate` brings all metrics back from the sums that are kept.

What a key means when it is null stands under *null* here, and in `not_measured` of summary.json.
"""

GROUPS = f"""\
### Roles and parts of the corpus

Where the measured rows are of more than one role, or of more than one part of a mixture, \
{", ".join(f"`{name}`" for name in NUMBERS)} are measured over each of them alone too: \
`fve_a_role_assistant`, `l0_role_template`, `fve_b_corpus_NAME`, each with its interval, and the \
columns {", ".join(f"`{name}`" for name in COLUMNS)}: `frequency_role_user`, \
`max_activation_corpus_NAME`. The mean in fve is then that of those rows. In NAME, what is no \
letter, digit, point or hyphen is a hyphen. Tokens of a chat template are the role `template`: \
`frequency_role_template` is how often a latent fires on them, `template_fraction` how much of its \
firing is there.

A latent is dead in a group if it fires on none of its rows (`dead_fraction_role_user`), or, by \
Minder's bound, nowhere there with v above 10⁻⁴ (`n_dead_minder_role_user`); \
`n_rarer_1e-5_role_user` and its kin count those that are rarer there than a bound, and are null \
over fewer than 10⁵ rows (10⁶, 10⁷). A group has fewer rows than all together, and so more latents \
that fire on none: compare groups of about as many rows, or frequencies. The \
report's figure of densities has a panel for each of twelve groups at most.
"""


SOURCES = """\
### One source, and more than two

With more than two sources, what compares two of them is measured for each pair, as
`sharedness_a_b`, and `n_shared`, `n_a_only`, …, `n_other` without a pair count the latents by what
all pairs agree on: shared or dead if every pair says so, one source's own if every pair with this
source says so, else other. The column `class` says the same of each latent, `class_a_b` what a pair
says. `n_persistence_1`, `n_persistence_2`, … count the latents that fire by the number of sources
in which they are present (`persistence`). Latent scaling along the direction of source B is
`beta_error_a_on_b`.

With one source (a sparse autoencoder, also on a difference `A - B` or on `A + B` side by side)
there is nothing to compare: these keys are null, and `class` is `alive` or `dead`.
"""


CLASSES = """\
### Where the classes are cut

The classes follow `class_thresholds`: `minder` (the default; delta_norm below 0.1, above 0.9,
within 0.1 of ½), `kissane` (shared from 0.3 to 0.7 of rel_norm; no cut for the latents of one
source is stated, so `n_a_only` and `n_b_only` are null and those latents `other`), or two distances
of one's own, as `0.1,0.1`. summary.json tells them as distances of delta_norm:
`class_threshold_exclusive` from 0 or 1 (null without such a cut), `class_threshold_shared` from ½.

Between sources of unequal width that `mean_norm` normalised, a latent that both hold alike has
norms in the ratio √(width of B / width of A): read `delta_norm_rms`, `n_shared_rms`,
`n_a_only_rms`, `n_b_only_rms`, `n_other_rms` then, which take norms per dimension. At equal widths
they are the plain ones. Where training scaled the sources otherwise (`normalisation`), the plain
ones stay the ones to read. `class`, and all that is measured over a class, follows the plain ones.
"""


PARTITION = """\
### Groups of a partitioned dictionary

Where the dictionary is partitioned (`--shared-fraction`, `--exclusive`), the column `group` names
the group of each latent: shared (designated), exclusive_a, exclusive_b, …, plain. For each of them
`l0_group_shared` is the mean number of its latents that fire on a row, and `n_shared_group_plain`,
`n_a_only_group_plain`, …, `n_alive_group_exclusive_a` count its latents by class.
"""


REFERENCES = """\
## Whose they are

"xc" under *source* is a definition of this project, "in common use" one that nobody in particular
is cited for. "Code" is what a paper's authors published beside it, where it says more than the
paper, or something else ([comparison](comparison.md)).

- Becker, de Haan, Dignum, Kuin and Hoekstra: *Hidden Signatures: Using Crosscoders to Compare
  Transformer Features Between Model Pairs*.
- Bricken et al. 2023: *Towards Monosemanticity*.
- Ding, Denain and Steinhardt 2021: *Grounding Representation Similarity with Statistical Testing*.
- Hotelling 1936: *Relations Between Two Sets of Variates*.
- Kissane, Krzyzanowski, Conmy and Nanda 2024: *Open Source Replication of Anthropic's Crosscoder
  Paper for Model-Diffing*.
- Kornblith, Norouzi, Lee and Hinton 2019: *Similarity of Neural Network Representations Revisited*.
- Lindsey et al. 2024: *Sparse Crosscoders for Cross-Layer Features and Model Diffing*.
- Masson, Rim and Lee 2019: *DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
  Relative-Error Guarantees*.
- Minder, Dumas, Chughtai and Nanda 2025: *Robustly Identifying Concepts Introduced During Chat
  Fine-Tuning Using Crosscoders*.
- Morcos, Raghu and Bengio 2018: *Insights on Representational Similarity in Neural Networks with
  Canonical Correlation*.
- Raghu, Gilmer, Yosinski and Sohl-Dickstein 2017: *SVCCA: Singular Vector Canonical Correlation
  Analysis for Deep Learning Dynamics and Interpretability*.
- Schönemann 1966: *A Generalized Solution of the Orthogonal Procrustes Problem*.
- Templeton et al. 2024: *Scaling Monosemanticity*.
"""


LOSSES = """\
## Losses of the models

Numbers of summary.json that `xc evaluate --ce` adds, by running the models with reconstructions in
the place of their activations.
"""


TABLES: dict[str, tuple[str, Mapping[str, str]]] = {
    "twins.parquet": (
        "Latents of one source only in pairs whose directions are alike, by every way of pairing.",
        twins_table.COLUMNS,
    ),
    "nu_curves.parquet": (
        "How many latents of a class have a ν below π, for π = 0, 0.01, …, 1 (Minder et al. fig. "
        "8); a negative ν is below 0.",
        nu_curves.COLUMNS,
    ),
}
"""Tables beside latents.parquet, what they are of and what their columns hold."""


_TWIN_ENDS = ("", "_04_01")
_COUNTED: Mapping[str, tuple[str, ...]] = {
    **{f"{name}_divergence_median": tuple(f"{name}_divergence_median{end}" for end in _TWIN_ENDS)
       for name in ("twin", "false_twin")},
    "rows_role_user": ("rows_role_user", "rows_role_assistant", "rows_role_template"),
    "twins.parquet": ("n_twins", "twin_cosine_median"),
    "groups": (
        "fve_a_role_template", "mse_a_role_template", "l0_role_template",
        "dead_fraction_role_template", "n_dead_minder_role_template",
    ),
    "classes": (), "sources": (), "partition": (),
    "nu_curves.parquet": (
        "a_only 0.2 n_error", "a_only 0.2 n_reconstruction", "a_only 0.5 n_error",
        "a_only 0.5 n_reconstruction", "shared 0.5 n_both",
    ),
}  # fmt: skip
"""Planted numbers of an entry that is no metric, where they are not just its name."""
_IN_THREE: Mapping[str, tuple[str, ...]] = {
    "rows": ("rows",), "sinks_a": ("sinks_a", "sinks_b", "sinks_c"),
    "classes": ("n_shared_a_c", "n_other_a_c", "n_shared_rms_a_c"),
    "sources": ("n_persistence_1", "n_persistence_2", "n_persistence_3", "n_shared", "n_a_only",
                "n_b_only", "n_c_only", "n_other"),
    "partition": ("l0_group_shared", "l0_group_exclusive_a", "n_shared_group_shared",
                  "n_alive_group_exclusive_a", "n_alive_group_exclusive_c", "n_dead_group_plain"),
}  # fmt: skip
"""Those of the world of three sources."""


def catalogue(
    metrics: Iterable[Metric] = METRICS,
    planted: Planted | None = None,
    intervals: Path | None = None,
) -> str:
    """The page as Markdown.

    Args:
        metrics: whose entries.
        planted: what is shown beside them; None: nothing.
        intervals: results of benchmarks/intervals.py; None: no numbers of these.

    Raises:
        RequestError: if there is no planted value of one of them.
    """
    metrics = tuple(metrics)
    parts = [INTRODUCTION, *([chapter(planted)] if planted else []), told(intervals)]
    for heading, scopes in HEADINGS:
        parts.append(f"## {heading}\n")
        parts += [_entry(m, planted) for m in metrics if m.scope in scopes]
        if Scope.SCALAR in scopes:
            counts = (*KEYS.items(), *COUNTS.items())
            parts += [_count(name, text, planted) for name, text in counts]
            parts += _sections(planted)
    parts += [LOSSES, *(_entry(metric, planted) for metric in SPLICED)]
    parts.append("## Other tables\n")
    parts += [_table(name, *told, planted) for name, told in TABLES.items()]
    parts.append(REFERENCES)
    return "\n".join(parts)


def _sections(planted: Planted | None) -> list[str]:
    texts = {"groups": GROUPS, "classes": CLASSES, "sources": SOURCES, "partition": PARTITION}
    return [text + _counted(name, planted) for name, text in texts.items()]


def _table(name: str, text: str, columns: Mapping[str, str], planted: Planted | None) -> str:
    rows = "\n".join(f"| `{column}` | {meaning} |" for column, meaning in columns.items())
    table = f"### `{name}`\n\n{text}\n\n| column | holds |\n|---|---|\n{rows}\n"
    return table + _counted(name, planted)


def _count(name: str, text: str, planted: Planted | None) -> str:
    return f"### `{name}`\n\n{text}\n{_counted(name, planted)}"


def _counted(name: str, planted: Planted | None) -> str:
    if planted is None:
        return ""
    keys, three = _COUNTED.get(name, (name,)), _IN_THREE.get(name, ())
    return "\n" + planted.numbers(name, keys, three=three)


def _entry(metric: Metric, planted: Planted | None) -> str:
    low, high = metric.bounds
    lines = [
        f"### `{shown(metric)}`\n",
        f"{metric.summary}\n",
        f"- **Formula.** {metric.formula}",
        f"- **Source.** {metric.source}",
        f"- **Meaning.** {metric.meaning}",
        f"- **Misleads.** {metric.misleads}",
        f"- **Range.** {low:g} to {high:g}; shape: {metric.scope.value}.",
        f"- **Null.** When {metric.undefined}.\n",
        *([planted.metric(metric, shown(metric))] if planted else []),
    ]
    return "\n".join(lines)


def shown(metric: Metric) -> str:
    """A metric's output as it is for two sources, the first of them if there are several."""
    return metric.output.format(p="a", q="b") + _SUFFIXES.get(metric.scope, "")


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description="Write docs/metrics.md.")
    parser.add_argument("--results", type=Path, help="folder of what benchmarks wrote")
    folder = parser.parse_args().results
    if folder is None:
        print(catalogue(), end="")
        return
    planted = Planted.read(folder / "planted.json")
    print(catalogue(planted=planted, intervals=folder / "intervals.json"), end="")


if __name__ == "__main__":
    main()
