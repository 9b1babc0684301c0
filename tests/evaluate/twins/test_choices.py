"""Intervals of twins: against twins found by hand without each group of rows, and how often they
hold."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from by_hand import COUNT, SHARE, interval
from evaluating import World, latent_rows, make_world
from measured import Case, heldout_world
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm, t
from simulated import group_sums

from xc.evaluate import METRICS
from xc.evaluate.clusters import row_groups
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sets import HALF, at_once, freedom, sets
from xc.evaluate.intervals import STEADY, TOO_FEW, UNDEFINED
from xc.evaluate.redraws import draw_groups
from xc.evaluate.selection import select
from xc.evaluate.twins.choices import Choice, left_out_intervals
from xc.evaluate.twins.divergence import Counts, Question, count
from xc.evaluate.twins.find import Twins, twins_of
from xc.store_schema import Checkpoint

MakeCase = Callable[..., Case]
COSINE = 0.2
WISH = {
    "metrics": ("class", "max_activation"), "twin_cosine": COSINE, "groups": 6,
    "clusters": "sequences",
}  # fmt: skip
THRESHOLDS = {"": (0.7, 0.3), "_04_01": (0.4, 0.1)}
COUNTS = ("n_twins", "n_twins_greedy")
MEDIANS = tuple(
    f"{kind}twin_divergence_median{end}" for kind in ("", "false_") for end in THRESHOLDS
)
RARE = [0, 3, 6, 8, 11, 15]


def all_exclusive(checkpoint: Checkpoint) -> Checkpoint:
    """Nine latents of each source, some of which fire seldom, B's where A's do too."""
    of_a, of_b = [*range(5), *range(10, 14)], [*range(5, 10), *range(14, 18)]
    encoders = [w.copy() for w in checkpoint.W_enc]
    for w in encoders:
        w[:, of_b] += w[:, of_a].sum(axis=1, keepdims=True)
    first, second = (w.copy() for w in checkpoint.W_dec)
    second[:5], first[5:10] = 0, 0
    bias = checkpoint.b_enc.copy()
    bias[RARE] -= 3.5
    return replace(checkpoint, W_dec=(first, second), W_enc=tuple(encoders), b_enc=bias)


# ── by hand ─────────────────────────────────────────────────────────────────────────────────────


def directions(world: World) -> tuple[np.ndarray, ...]:
    with np.errstate(all="ignore"):
        return tuple(w / np.linalg.norm(w, axis=1, keepdims=True) for w in world.W)


def exclusive(world: World, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    alive = (world.f[there] > 0).any(axis=0)
    zero = [(w == 0).all(axis=1) for w in world.W]
    return np.flatnonzero(alive & zero[1] & ~zero[0]), np.flatnonzero(alive & zero[0] & ~zero[1])


def best(world: World, there: np.ndarray) -> set[tuple[int, int]]:
    first, second = exclusive(world, there)
    unit = directions(world)
    cosine = unit[0][first] @ unit[1][second].T
    gain = np.where(cosine > COSINE, cosine, 0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {
        (int(first[i]), int(second[j])) for i, j in zip(rows, columns, strict=True) if gain[i, j]
    }


def most_alike_first(world: World, there: np.ndarray) -> set[tuple[int, int]]:
    first, second = (set(own.tolist()) for own in exclusive(world, there))
    unit, found = directions(world), set()
    while pairs := [(unit[0][a] @ unit[1][b], a, b) for a in first for b in second]:
        cosine, a, b = max(pairs)
        if cosine <= COSINE:
            break
        found.add((a, b))
        first.remove(a)
        second.remove(b)
    return found


def divergence(
    world: World, a: int, b: int, there: np.ndarray, *, high: float, low: float
) -> float:
    norms = [np.linalg.norm(w.astype(np.float64), axis=1) for w in world.W]
    v = world.f[:, [a, b]] * sum(norms)[[a, b]]
    one, other = (v / v.max())[there].T
    either = (one > high) | (other > high)
    split = ((one > high) & (other <= low)) | ((other > high) & (one <= low))
    return split.sum() / either.sum() if either.any() else np.nan


def numbers(world: World, there: np.ndarray, false: set[tuple[int, int]]) -> dict[str, float]:
    """All numbers of twins over some rows; scales are those of all rows."""
    twins = best(world, there)
    of_a, of_b = {a for a, _ in twins}, {b for _, b in twins}
    still = {(a, b) for a, b in false if a in of_a and b in of_b}
    out = dict(zip(COUNTS, (len(twins), len(most_alike_first(world, there))), strict=True))
    for kind, pairs in (("", twins), ("false_", still)):
        for end, (high, low) in THRESHOLDS.items():
            values = [divergence(world, a, b, there, high=high, low=low) for a, b in pairs]
            out[f"{kind}twin_divergence_median{end}"] = float(np.nanmedian(values))
    return out


@pytest.mark.parametrize("n", [6, 20])
def test_equal_those_of_twins_found_anew_without_groups(make_case: MakeCase, n: int) -> None:
    case = make_case(n_sequences=200, mend=all_exclusive)
    found = case.evaluate(**{**WISH, "groups": n}).summary
    world = heldout_world(case)
    counted = np.bincount(world.sequence)
    group = row_groups(counted, np.arange(len(counted)), n).of_sequence[world.sequence]
    table = pq.read_table(case.run.twins).to_pylist()
    false = {(r["latent_a"], r["latent_b"]) for r in table if r["method"] == "false"}
    whole = numbers(world, group >= 0, false)
    without = {
        k: [numbers(world, ~np.isin(group, list(own)), false) for own in sets(n, k)]
        for k in {1, at_once(n, HALF)}
    }
    assert n == 20 or len({own["n_twins"] for own in without[1]}) > 1
    for key, value in whole.items():
        k = 1 if key in COUNTS else at_once(n, HALF)
        left_out = [own[key] for own in without[k]]
        scale, free = (COUNT, None) if key in COUNTS else (SHARE, freedom(n, k) if k > 1 else None)
        ends = interval(value, left_out, scale, k=k, freedom=free)
        assert found[key] == pytest.approx(value), key
        if np.ptp(left_out):
            assert found[f"{key}_ci"] == pytest.approx(ends), key
        else:
            assert found["not_measured"][f"{key}_ci"] == STEADY
    assert all(found[f"{key}_ci"] for key in MEDIANS)


def test_redrawn_ones_equal_those_of_rows_repeated_by_hand(make_case: MakeCase) -> None:
    n = 12
    case = make_case(n_sequences=200, mend=all_exclusive)
    found = case.evaluate(**{**WISH, "groups": n}, intervals="bootstrap").summary
    world = heldout_world(case)
    counted = np.bincount(world.sequence)
    group = row_groups(counted, np.arange(len(counted)), n).of_sequence[world.sequence]
    table = pq.read_table(case.run.twins).to_pylist()
    false = {(r["latent_a"], r["latent_b"]) for r in table if r["method"] == "false"}
    rows = np.arange(len(group))
    draws = draw_groups(n, Facts(world.decoder))
    each = [numbers(world, np.repeat(rows, times[group]), false) for times in draws]
    whole = numbers(world, rows, false)
    share = norm.cdf(t.ppf(0.025, n - 1) * (n / (n - 1)) ** 0.5)
    for key in MEDIANS:
        own = np.array([of[key] for of in each])
        low, high = np.quantile(own, [share, 1 - share])
        ends = [min(low, whole[key]), max(high, whole[key])]
        assert found[f"{key}_ci"] == pytest.approx(ends), key
    for key in COUNTS:
        own = np.array([of[key] for of in each])
        if np.ptp(own) == 0:
            assert found["not_measured"][f"{key}_ci"] == STEADY
            continue
        low, high = found[f"{key}_ci"]
        error = np.sqrt(own).std(ddof=1) * (n / (n - 1)) ** 0.5
        assert np.sqrt([low, high]) == pytest.approx(
            np.sqrt(whole[key]) + np.array([-1, 1]) * t.ppf(0.975, n - 1) * error
        )


@pytest.mark.parametrize(
    "scheduler", ["threads", pytest.param("processes", marks=pytest.mark.slow)]
)
def test_the_same_bits_on_every_scheduler(make_case: MakeCase, scheduler: str) -> None:
    case = make_case(n_sequences=200, mend=all_exclusive)
    found = []
    for name in ("sync", scheduler):
        case.evaluate(**WISH, scheduler=name, block_rows=64)
        found.append((case.run.summary.read_bytes(), case.run.twins.read_bytes()))
        case.run.summary.unlink()
    assert found[0] == found[1]


def test_no_groups_no_intervals(make_case: MakeCase) -> None:
    case = make_case(n_sequences=60, mend=all_exclusive)
    found = case.evaluate(**{**WISH, "groups": 0}).summary
    assert found["n_twins"] > 0
    assert not [key for key in (*found, *found["not_measured"]) if "twin" in key and "_ci" in key]


def test_where_there_is_none_the_reason_is_told() -> None:
    values = {"n_twins": 3, "twin_divergence_median": 0.5, "n_twins_greedy": 4}
    one = [Choice.without({g}, 5, np.zeros(0)) for g in range(5)]
    for others in ([], [(one[0], values)]):
        assert left_out_intervals(values, others).reasons["n_twins_ci"] == TOO_FEW
    others = [(own, {**values, "n_twins_greedy": 4 - (i == 2)}) for i, own in enumerate(one)]
    others[1][1]["twin_divergence_median"] = None
    found = left_out_intervals(values, others)
    assert found.reasons == {"n_twins_ci": STEADY, "twin_divergence_median_ci": UNDEFINED}
    low, high = found.ends["n_twins_greedy_ci"] or (0, 0)
    assert low < 4 < high
    cut = left_out_intervals({"n_twins": 1}, [(one[0], {"n_twins": 1}), (one[1], {"n_twins": 0})])
    assert (cut.ends["n_twins_ci"] or [1])[0] == 0


# ── how often they hold ─────────────────────────────────────────────────────────────────────────

N, DOCUMENTS, ROWS, PAIRS = 300, 80, 30, 30


def twinned() -> World:
    """Latent i of A only points as latent PAIRS + i of B only does, nearly."""
    rng = np.random.default_rng(3)
    world = make_world(1, 2 * PAIRS, widths=(40, 40), zero_rows=False)
    first, second = (np.zeros_like(w) for w in world.W)
    first[:PAIRS] = np.eye(40)[:PAIRS]
    second[PAIRS:] = np.eye(40)[:PAIRS] + 0.03 * rng.normal(size=(PAIRS, 40))
    return replace(world, W=(first, second))


def drawn(world: World, rng: np.random.Generator) -> tuple[World, np.ndarray]:
    """Documents in which twins fire more or less often, and more or less often together.

    No activation is above a cap that many reach: then maxima are what they are in every data set.
    """
    n = DOCUMENTS * ROWS
    document = np.repeat(np.arange(DOCUMENTS), ROWS)
    often = np.geomspace(0.0004, 0.05, PAIRS) * rng.gamma(2.0, 0.5, (DOCUMENTS, PAIRS))
    together = rng.beta(2.0 * np.linspace(0.2, 0.9, PAIRS), 1.0, (DOCUMENTS, PAIRS))[document]
    fires = rng.random((n, PAIRS)) < often[document]
    busy = (rng.random(n) < 0.05 * rng.gamma(2.0, 0.5, DOCUMENTS)[document])[:, None]
    fires |= busy & (rng.random((n, PAIRS)) < 0.6) & (np.arange(PAIRS) >= PAIRS // 4)
    both = rng.random((n, PAIRS)) < together
    of_a = rng.random((n, PAIRS)) < 0.5
    f = np.hstack([fires & (both | of_a), fires & (both | ~of_a)])
    f = np.where(f, np.minimum(rng.gamma(2.0, 1.0, f.shape), 2.0), 0).astype(np.float32)
    return replace(world, f=f, sequence=document, role=np.zeros(n, np.uint8)), document


def sample(world: World, seed: int) -> Twins:
    """The twins of one data set, as an evaluation finds them."""
    data, _ = drawn(world, np.random.default_rng([3, seed]))
    metrics = select(METRICS, ("class", "max_activation"))
    group, sums = group_sums(data, np.arange(DOCUMENTS), metrics, 20)
    without = [frozenset({g}) for g in range(20)] + sets(20, at_once(20, HALF))
    start, again = Facts(data.decoder), sums.without_sets([m.name for m in metrics], without)
    classes = (finish_all(metrics, left, start).values["class"] for left in again)
    others = [Choice.without(s, 20, own) for s, own in zip(without, classes, strict=True)]

    def counted(pairs: Question) -> Counts:
        return count(latent_rows(data.f), pairs, group, groups=20)

    return twins_of(finish_all(metrics, sums.totals(), start), counted, cosine=0.9, others=others)


def samples() -> Iterator[Twins]:
    world = twinned()
    return (sample(world, seed) for seed in range(N))


@pytest.mark.slow
def test_they_hold_what_so_many_rows_show() -> None:
    found = list(samples())
    for key in (*COUNTS, *MEDIANS):
        told = [(float(s.values[key] or 0), s.intervals.ends[f"{key}_ci"]) for s in found]
        mean = np.mean([value for value, _ in told])
        held = np.mean([ends is not None and ends[0] <= mean <= ends[1] for _, ends in told])
        assert 0.90 <= held <= 0.99, (key, held)
