"""The chapter of docs/metrics.md on intervals, with how often those of each kind hold."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xc.store_schema import RequestError

LEAST, MOST = 90, 99
"""Of 100 data sets a 95 % interval is to hold in no fewer and no more."""

_SHOWN = (
    "fve_a", "sharedness", "sharedness_unweighted", "alignment", "n_shared", "n_a_only", "n_dead",
    "cosine_shared_median", "nu_error_overlap_50_a_only", "nu_error_frequency_spearman_shared",
    "template_over_third", "l0_p50",
)  # fmt: skip
"""Numbers whose shares are shown one by one: of every kind."""

_WAYS = {
    ("groups", "left out"): "groups left out (default)",
    ("groups", "drawn"): "groups drawn (`--intervals bootstrap`)",
    ("groups", "percentiles"): "groups drawn, percentiles",
    ("documents", "drawn"): "documents drawn, likewise",
    ("documents", "percentiles"): "documents drawn, percentiles",
}
"""By what is drawn or left out, and how: in words."""

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
  matched anew without each group. Groups, because sums per latent cannot be kept for each sequence
  (sequences × latents × sources²). Drawn with replacement they make intervals that hold too seldom:
  [below](#left-out-or-drawn-with-replacement).
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

_DRAWN = """\

#### Left out, or drawn with replacement

`xc evaluate --intervals bootstrap` finds all of these by the bootstrap: the groups are drawn with
replacement, {draws} times, and every number is found anew of each draw. The interval is θ ± t·se,
se the standard deviation of the draws times √(G/(G − 1)), t with G − 1 degrees of freedom, on the
same scales; of quantiles and medians, from ten groups on, it is expanded percentiles of the draws.
Means over rows are drawn by cluster then from ten clusters on. No activation is read a second time:
the sums by group that are kept serve either way. With `--groups` as large as the number of
documents, or of sequences, these themselves are drawn; it takes as much more memory and time.

It is not what is done by default, since it holds too seldom, of groups and of single documents
alike. A draw lacks a third of them: a latent that fires in one alone is missing from a third of
the draws, which moves counts of latents to one side (percentiles of counts miss in every second
data set), and tells how surely those that were met would be met again, but not how many others
might have been. What is made of latents that come and go (counts, alignments, correlations over
latents) varies by more than such draws do. Numbers in which each latent weighs as much as it fires
(`fve`, `sharedness`) do not care.

Of {sets} data sets of {documents} documents ({single} where single documents are drawn), the share
in which the interval is there and holds, for every number that is no mean over rows and has one in
most sets (dense: latents fire on many rows, or in few documents; sparse: most fire on a few rows
only; `benchmarks/intervals.py`). So few sets know a share of 95 within 2 ({single} of them within
3), and one miss of {sets} is {miss:.1f}: what the tests keep is told above.

"""


def chapter(results: str | Path | None) -> str:
    """The chapter; with results, how often intervals of either way hold.

    Args:
        results: what benchmarks/intervals.py wrote; None for no numbers.

    Raises:
        RequestError: if it is not there, or no such results.
    """
    if results is None:
        return INTERVALS
    try:
        found = json.loads(Path(results).read_text(encoding="utf-8"))
        return INTERVALS + _told(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            f"{results}: expected results of benchmarks/intervals.py; run it first ({error!r})"
        ) from error


def _told(found: Mapping[str, Any]) -> str:
    sets = found["sets"]
    text = _DRAWN.format(
        draws=found["draws"],
        documents=found["documents"],
        sets=sets["groups"],
        single=sets["documents"],
        miss=100 - 100 / sets["groups"],
    )
    return text + "\n".join([*_overall(found["coverage"]), "", *_by_key(found["coverage"]), ""])


def _overall(coverage: Mapping[str, Any]) -> Iterator[str]:
    """How many numbers are held how often, by population and way."""
    yield "| population | way | numbers | held in less than 90 of 100 | in more than 99 | least |"
    yield "|---|---|---|---|---|---|"
    for name, of in coverage.items():
        for (drawn, way), words in _WAYS.items():
            shares = [100 * share for share in of[drawn][way].values()]
            below, above = sum(s < LEAST for s in shares), sum(s > MOST for s in shares)
            yield f"| {name} | {words} | {len(shares)} | {below} | {above} | {min(shares):.0f} |"


def _by_key(coverage: Mapping[str, Any]) -> Iterator[str]:
    """The shares of some numbers, where latents fire on many rows."""
    of = coverage["dense"]
    yield f"| dense | {' | '.join(_WAYS.values())} |"
    yield "|---|" + "---|" * len(_WAYS)
    for key in _SHOWN:
        cells = (f"{100 * of[drawn][way][key]:.0f}" for drawn, way in _WAYS)
        yield f"| `{key}` | {' | '.join(cells)} |"
