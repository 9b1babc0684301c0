"""How often 95 % intervals hold what they are about: groups left out, or drawn with replacement.

    python benchmarks/intervals.py

Data sets are drawn from two populations of tests/evaluate/test_coverage.py, and of each the
intervals of all numbers that are no means over rows are found in every way: by leaving groups out
(`xc evaluate --intervals jackknife`), by drawing them with replacement (`--intervals bootstrap`),
and between percentiles of these draws, the bootstrap as it is mostly done. The last two also of as
many groups as there are documents, each of one: what a bootstrap of documents would give.

Writes benchmarks/results/intervals.json; `python -m xc.evaluate.document` makes
the tables of docs/metrics.md from it. Nothing here is timed.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial, reduce
from pathlib import Path

import numpy as np

from xc.evaluate import METRICS
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals, combine_totals
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import COUNT_BOUNDS, jackknife_intervals
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.naming import names
from xc.evaluate.redrawn_intervals import redrawn_intervals
from xc.evaluate.redraws import REDRAWS, numbers_redrawn, redrawn_interval
from xc.evaluate.repetition import repetition
from xc.evaluate.scalars import scalars
from xc.evaluate.selection import select

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "support"))  # behind all packages
from simulated import Population, Settled, group_sums  # noqa: E402

POPULATIONS = {"dense": Settled.make, "sparse": Population.make}
DOCUMENTS, GROUPS = 80, 20
LEFT_OUT, DRAWN, PERCENTILES = "left out", "drawn", "percentiles"
SETTLING = ("fve", "sharedness_literal", "sharedness_v", "sharedness_from")
"""By the beginning of their keys: numbers that settle as rows grow (`sharedness` too). What is to
be held is the value over the rows of all data sets; of others what a data set shows on average."""

Ends = Mapping[str, Sequence[float] | None]
Found = tuple[dict[str, float], dict[str, Ends]]
"""Numbers of a data set by key; by way, the intervals by key."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--sets", type=int, default=200, help="data sets of a population")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "results" / "intervals.json")
    args = parser.parse_args()
    found = {
        name: {
            "groups": coverage(name, GROUPS, args.sets),
            "documents": coverage(name, DOCUMENTS, args.sets // 2),
        }
        for name in POPULATIONS
    }
    results = {
        "benchmark": "intervals", "documents": DOCUMENTS, "groups": GROUPS, "draws": REDRAWS,
        "sets": {"groups": args.sets, "documents": args.sets // 2}, "coverage": found,
    }  # fmt: skip
    args.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name, of in found.items():
        print(name)
        for kind, own in of.items():
            for way, line in own.items():
                told = " ".join(f"{k} {v}" for k, v in summed_up(line).items())
                print(f"  {kind:10} {way:12} {told}")


def summed_up(held: Mapping[str, float]) -> dict[str, float]:
    """How many numbers there are, how many are held too seldom and too often, the least."""
    shares = np.array(list(held.values()))
    low, high = int((shares < 0.9).sum()), int((shares > 0.99).sum())
    return {"n": len(shares), "below": low, "above": high, "least": float(shares.min())}


def coverage(name: str, groups: int, sets: int) -> dict[str, dict[str, float]]:
    """By way, in what share of the data sets a number is held, by key."""
    lanes = 8
    with ProcessPoolExecutor() as pool:
        chunks = [range(k, sets, lanes) for k in range(lanes)]
        parts = list(pool.map(partial(_measure, name, groups), chunks))
    found = [one for of, _ in parts for one in of]
    facts = Facts(_population(name).world.decoder)
    pooled = reduce(partial(combine_totals, _reading()), (totals for _, totals in parts))
    whole = scalars(_metrics(), finish_all(_metrics(), pooled, facts))
    return {way: dict(_held(way, found, whole)) for way in found[0][1]}


def _held(
    way: str, found: Sequence[Found], whole: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    """Of the numbers that have an interval in most data sets."""
    for key in found[0][1][way]:
        ends = [of[way][key] for _, of in found]
        known = [end for end in ends if end is not None]
        if 2 * len(known) < len(ends):
            continue
        values = [own[key] for own, _ in found]
        settles = key == "sharedness" or key.startswith(SETTLING)
        average = np.nanmedian if key.endswith("_median") else np.nanmean
        about = whole[key] if settles else float(average(values))
        yield key, float(np.mean([e is not None and e[0] <= about <= e[1] for e in ends]))


def _measure(name: str, n: int, which: Sequence[int]) -> tuple[list[Found], Totals]:
    found: list[Found] = []
    totals: list[Totals] = []
    for i in which:
        world, clusters = _population(name).draw(DOCUMENTS, np.random.default_rng([7, i]))
        _, groups = group_sums(world, clusters, _metrics(), n)
        totals.append(groups.totals())
        facts = finish_all(_metrics(), totals[-1], Facts(world.decoder, seed=i))
        found.append((scalars(_metrics(), facts), dict(_ways(groups, facts))))
    return found, reduce(partial(combine_totals, _reading()), totals)


def _ways(groups: GroupSums, facts: Facts) -> Iterator[tuple[str, Ends]]:
    if groups.n == GROUPS:
        yield LEFT_OUT, _plain(jackknife_intervals(_metrics(), groups, facts).ends)
    yield DRAWN, _plain(redrawn_intervals(_metrics(), groups, facts).ends)
    plan = repetition(_metrics())
    drawn, values = numbers_redrawn(plan, groups, facts), scalars(plan.numbers, facts)
    metric_of = {key: m for m in plan.numbers for key in names(m, 2)}
    ends: dict[str, Sequence[float] | None] = {}
    for key, own in drawn.items():
        bounds = metric_of[key].bounds if key in metric_of else COUNT_BOUNDS
        both = redrawn_interval(values[key], own, bounds=bounds, by_ends=True)
        known = both is not None and np.isfinite(both).all() and np.ptp(own.known) > 0
        ends[key] = both.tolist() if known and both is not None else None
    yield PERCENTILES, ends


def _plain(ends: Ends) -> Ends:
    return {key.removesuffix("_ci"): own for key, own in ends.items()}


@cache
def _population(name: str) -> Population:
    return POPULATIONS[name]()


@cache
def _metrics() -> tuple[Metric, ...]:
    """All numbers but means over rows, and such as 1,440 rows do not define; and what is behind."""
    numbers = (m for m in METRICS if not m.scope.is_column and m.statistic is None)
    return select(METRICS, [m.name for m in numbers if m.rarer_than is None])


@cache
def _reading() -> tuple[Metric, ...]:
    return tuple(m for m in _metrics() if m.reads is not Pass.NONE)


if __name__ == "__main__":
    main()
