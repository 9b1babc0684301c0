"""Writes the catalogue of metrics, from their own table and from results on planted data.

    python -m xc.evaluate.document --planted benchmarks/results/planted.json > docs/metrics.md

Without `--planted` it shows no numbers.
"""

import argparse
from collections.abc import Iterable, Mapping

from xc.evaluate import nu_curves
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
by `python -m xc.evaluate.document --planted benchmarks/results/planted.json` from the same texts
that the report shows; a test keeps the two equal. Where L1 goes wrong, and how, is told at length
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

INTERVALS = """\
## Intervals

What an interval is about: other text of the same kind and amount, measured on the same crosscoder.
Another training seed is not in it. Rows of one sequence are alike, and so are sequences of one
document; hence whole clusters are resampled. A cluster is a document with all its sequences if at
least ten documents are held out, else a sequence (`clusters=auto`; `xc evaluate` says so where
sequences of few documents are taken, since intervals are too narrow then); `clusters=documents` and
`clusters=sequences` choose. provenance.json tells which were taken, and how many. No row is read a
second time.

- **Means over rows** (`l0`, `mse`, …, which are kept per sequence): percentile bootstrap,
  `bootstrap` (1,000) draws of clusters with replacement, the percentiles expanded for the number of
  clusters; with fewer than 100 clusters, of which percentiles are too narrow, each cluster is left
  out in turn, as below.
- **All other numbers** (`fve`, sharedness, alignment, counts of latents, …): the clusters are dealt
  out at random to `groups` (20) groups, one to each if there are fewer; every number is found anew
  without each group in turn (delete-a-group jackknife). se² = (G − 1)/G · Σ_g (θ_g − θ̄)², and the
  interval is θ ± t·se with Student's t of G − 1 degrees of freedom, or fewer where few groups make
  up most of se²: 2/(2/(G − 1) + κ/G), κ the excess kurtosis of the θ_g (Satterthwaite). Groups
  without any row that a number is about do not count. Of sums that are large (`cca` and its kin
  between wide sources) fewer groups are kept: as many as fit into 64 MiB, at least five. Twins are
  matched anew without each group. Why no bootstrap for these: they are made of sums per latent,
  which cannot be kept for each sequence (sequences × latents × sources²); and a draw with
  replacement lacks more than a third of the clusters and has others twice, so that latents that
  fire in few of them go missing, and counts, medians and alignments come out off.
- **Near the end of a number's range** errors are lopsided and depend on the number. So θ and the
  θ_g are taken on a scale on which they hardly do, and θ ± t·se back from there: the square root of
  the distance from the end, where there is one (counts, `mse`, `fve`); the arcsine of the root for
  shares and other numbers from 0 to 1 (Anscombe); Fisher's z for those from −1 to 1. The jackknife
  on another scale is Cressie's, that of correlations on Fisher's Hinkley's. Where one of these
  values is at an end, or ten times nearer to it than another, as a count of 1 that is 0 without a
  group, the scale would tell more than the value, and it is done without. Not so for shares, whose
  scale is bounded: the interval of a share of 0 may be a few times as wide as without it.
- **How many latents are past a threshold that rows move them across** (`template_over_third`, …,
  `nu_error_overlap_50_a_only`, …, `n_a_only_nu_below`, …): without one group of twenty few latents
  cross, but each counts whole, and se² would be √(G − 1) times too large for any number of rows. So
  a quarter of the groups is left out at once, in G sets that overlap as evenly as they can, if
  there are 16 groups or more: se² = (G − k)/(k·G) · Σ_s (θ_s − θ̄)² (Shao and Wu), √((G − k)/k)
  times too large at most: 1.7 times for k = 5 of 20, for which t has 15.8 degrees of freedom. Half
  of the groups would be too many: such numbers are held in 83 to 97 of 100 simulated data sets
  then. Medians of the twins' divergence move in such steps too; for them half of the groups are
  left out, for which that factor is 1 (t has 15.6 degrees of freedom for k = 10 of 20).
- **Shares between two quantiles of latents** (`nu_error_overlap_95_a_only`, …) of which fewer than
  five shared latents lie beyond either (with the central 95 %: of fewer than 200): one or two with
  a far-off ν decide then, mostly such as fire in few documents; other documents bring others, and
  leaving documents out cannot tell which. Such intervals held in as few as 83 of 100 simulated data
  sets. So groups are drawn with replacement (1,000 times), and latents that fire in one group alone
  are drawn anew: as many as chance has it (Poisson, about as many as there are), each with the ν of
  one of them. The ends are expanded percentiles of the shares that result. Where latents fire on
  many rows or in few documents they hold in 93 to 99.6 of 100, 98 on average (67 to 190 shared
  latents, 16 to 240 documents), and in 99 to 100 where most fire on a few rows only. Of 31 to 51
  shared latents these too hold in as few as 72; with fewer than 60, or fewer than 16 groups, there
  is no interval. With the central 50 % it takes 20 shared latents.
- **Where no group changes a number**, as a count of few latents, a quarter of the groups is left
  out at once, and if that changes nothing, half (of 16 groups or more; not for numbers of a role or
  a part of the corpus, nor for `cca` and its kin).
- **How many latents are rarer than a bound** (`n_rarer_…`): half of the groups, of 16 or more, are
  left out at once; a quarter where latents near the bound come from about one group each, since
  leaving out half cannot tell how many there are that were not met. The bound is as many firings as
  over all rows, in proportion to the groups that are left. They are of unequal size, and the
  interval is about so many rows: what follows from the rows that are left, a straight line through
  the numbers found, is taken away, and with it one degree of freedom (with four groups or more, of
  which none is three times as long as they are on average: there the interval is too wide).
- **Quantiles over rows and medians over latents** (`l0_p05`, …, `cosine_shared_median`, …): the
  jackknife tells how sure the share of rows, or of latents, up to every number is; the ends are the
  first and the last number up to which the share may be the one asked for (Woodruff's interval, of
  the logits of shares).
- **Shares of the null controls** (`fdr_…`, `reproduced_…`) have intervals of another kind, over
  latents and not over text: of a Poisson count, and Wilson's; see [null controls](nulls.md).

In simulated data (80 documents, alike within; 120 to 500 sets) the interval holds the value over
very many rows in 90 to 99 of 100 sets for numbers that settle with more rows (`l0`, `fve`, `mse`,
`sharedness`, …). For those that go on changing with the number of rows (counts of latents,
alignment, correlations over latents, …) it holds what so many rows show on average in as many: the
mean of these same sets, for most medians over latents their median. Whether that mean is off is
not tested. Tests keep this for

- every number of two sources, of roles, of parts of the corpus and of groups of a partition, in one
  population for all: latents fire on many rows, or in few documents. Where most latents fire on a
  few rows only, all are held in 90 or more; what is off is told below. For overlaps with the
  central 95 % there are five populations more, of 75 to 360 shared latents;
- every number that two sources of unequal width have (8 and 20), in such a population: there
  `n_shared_rms` and its kin, by `delta_norm_rms` or by `rel_norm_rms`, are other counts than the
  plain ones;
- every number of three sources of equal width in such a population: each is held in 90 or more,
  and in 99 or less all pairs or sources together (250 sets do not tell 98 of 100 from 99);
- `n_rarer_…`, over 150,000 to 15 million rows of documents of unequal length, over 150,000 and 1.5
  million rows of a role, and over 150,000 of a part of the corpus;
- `ce_…` (25 and 150 documents);
- numbers of twins, of two sources and of three, among activations under a cap that many reach;
- comparisons of activations from few unequal groups, as between wide sources.

Not tested are numbers of more sources than three, and of three of unequal width. Of 12 or 18
documents `fve`, `l0`, `mse` and `sharedness` are held in 92 to 96.

What is off:

- Too wide: quantiles of `l0`, whole numbers that hardly move, are held in 98 to 100 there; in a
  population of rows with some fifty latents or more, in 90 to 99.
- Too wide where most latents fire on a few rows only: medians, rank correlations, shares and counts
  over latents, held in up to 100, some 1.8 times as wide as their spread asks for.
- Too wide: `nu_reconstruction_frequency_spearman_other` of three sources, held in 99.2 of 100 sets.
- Too wide where groups have unequal numbers of rows: counts of latents that fire at all. Of 300
  documents whose lengths differ by 0.7 of their mean `n_dead` is held in 100 of 100, by intervals
  1.9 times as wide as its spread asks for; of 3,000, 1.3 times.
- Too wide: `n_rarer_…` where the bound is one firing or two. Over 154,540 rows `n_rarer_1e-5` is
  1.4 times as wide as its spread asks for (held in 595 of 600), over as many of a role 1.3 times
  (587 of 600).

When they mislead:

- Documents that resemble one another (of one author, one day, one site) are taken as independent:
  too narrow.
- Few clusters: t is large (12.7 with two) and the interval itself is noisy, the more so where one
  document is much longer than the others.
- What depends on which latents fire at all (`dead_fraction`, `n_dead`, class counts, alignment
  over latents that fire) is about so many rows as were measured. With more rows fewer latents are
  dead; no interval knows of those that have not been seen. For as many rows the jackknife's
  variance of such counts, without one group at a time, is on average too large, not too small
  (Efron and Stein). But of counts of one or two latents that come and go many a data set shows
  none, or the same without any group: their intervals hold too seldom, or are missing.
- Where leaving out rows does not change a number (a count of latents that all fire often, say), it
  has no interval. That is no certainty: another training would give another number. Quantiles of
  `l0` are whole numbers, and may have an interval of one value, as [16, 16].
- `cca_chance` follows from how many rows there are and in how many directions they vary. It has an
  interval where a group of rows has a direction to itself, else none.
- Numbers that follow from the weights or the store alone have none; `not_measured` tells why under
  `<key>_ci`. `rows…`, `sinks_…` and `class_threshold_…` are counts of what was measured and
  settings, not estimates: they have neither an interval nor a reason.
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


def catalogue(metrics: Iterable[Metric] = METRICS, planted: Planted | None = None) -> str:
    """The page as Markdown.

    Args:
        metrics: whose entries.
        planted: what is shown beside them; None: nothing.

    Raises:
        RequestError: if there is no planted value of one of them.
    """
    metrics = tuple(metrics)
    parts = [INTRODUCTION, *([chapter(planted)] if planted else []), INTERVALS]
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
    parser.add_argument("--planted", help="results of benchmarks/planted.py")
    path = parser.parse_args().planted
    print(catalogue(planted=Planted.read(path) if path else None), end="")


if __name__ == "__main__":
    main()
