"""Large sums in fewer groups: how many, which rows are in them, and intervals from them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from activation_oracles import COMPARISONS
from by_hand import SHARE, interval
from evaluating import make_world
from measured import Case, heldout_world

from xc.evaluate import METRICS, parts
from xc.evaluate.clusters import row_groups
from xc.evaluate.graph import tile_totals
from xc.evaluate.metric import Metric
from xc.evaluate.metrics import activation_similarity, fve
from xc.evaluate.moments import NUMBERS, all_numbers, moment_sums
from xc.evaluate.parts import Parts, coarse_groups, largest_sums
from xc.evaluate.passes import Passes
from xc.evaluate.reductions import label_of

MakeCase = Callable[..., Case]
LARGE, SMALL = activation_similarity.METRIC, fve.METRIC
ALIKE = NUMBERS[:5]
SETTINGS = {"metrics": (*ALIKE, "cka_chance", "fve"), "groups": 6}


@pytest.fixture
def five(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sums fit: large ones are kept in five groups, however narrow the sources."""
    monkeypatch.setattr(parts, "BUDGET", 1)


@pytest.mark.parametrize(
    ("widths", "expected"),
    [((16, 16), 20), ((400, 400), 20), ((600, 520), 13), ((768, 768), 7), ((2048, 2048), 5)],
)
def test_how_many_fit(widths: tuple[int, int], expected: int) -> None:
    largest = largest_sums(METRICS, widths)
    assert largest == sum(widths) * (sum(widths) + 1) // 2 * 8
    assert coarse_groups(largest, 20) == expected
    assert coarse_groups(largest, 3) == 3


def test_the_bytes_are_those_of_the_sums() -> None:
    sums = moment_sums(make_world(9, widths=(6, 9)).block(0, 9))
    assert LARGE.bytes_of_sums is not None
    assert LARGE.bytes_of_sums((6, 9)) == sums["products"].nbytes
    assert largest_sums([SMALL], (6, 9)) == 0


@pytest.mark.parametrize(("groups", "coarse"), [(20, 0), (20, 5), (20, 6), (7, 5), (1, 0)])
def test_the_parts_of_a_metric_hold_every_group_once(groups: int, coarse: int) -> None:
    cut = Parts(groups, coarse)
    for metric in (LARGE, SMALL):
        held = [cut.holding(metric, group) for group in range(groups)]
        assert set(held) == set(cut.of(metric)) <= set(cut.all)
    assert len(cut.of(SMALL)) == groups
    assert len(cut.of(LARGE)) == (coarse or groups)
    found = {k for own, some in cut.sorted_out({"a": LARGE, "b": SMALL}) for k in some if own}
    assert found == {"a", "b"}


def test_other_parts_are_other_groups() -> None:
    clusters = np.arange(60)
    cut = partial(row_groups, np.full(60, 4), clusters, 20)
    plain, fits, large, larger = (cut(largest=n) for n in (0, 9, parts.BUDGET // 6, 1 << 30))
    assert plain.fingerprint == fits.fingerprint
    assert len({groups.fingerprint for groups in (plain, large, larger)}) == 3
    assert (large.parts.coarse, larger.parts.coarse) == (6, 5)
    np.testing.assert_array_equal(plain.of_sequence, larger.of_sequence)


def jackknife(case: Case, coarse: int, number: Callable[[np.ndarray], float]) -> list[float]:
    """A number's interval by hand; `number` is given which held-out rows there are."""
    world = heldout_world(case)
    counted = np.bincount(world.sequence)
    group = row_groups(counted, np.arange(len(counted)), 20).of_sequence[world.sequence]
    left_out = [number(group % coarse != k) for k in range(coarse)]
    return interval(number(group >= 0), left_out, SHARE)


def oracle(case: Case, name: str, there: np.ndarray) -> float:
    x = (rows[there].astype(np.float64) for rows in heldout_world(case).x)
    return COMPARISONS[name](*(rows - rows.mean(axis=0) for rows in x))


@pytest.mark.usefixtures("five")
def test_intervals_are_those_of_the_coarse_groups(make_case: MakeCase) -> None:
    case = make_case(n_sequences=150)
    found = case.evaluate(metrics=ALIKE, clusters="sequences").summary
    for name in ALIKE:
        expected = jackknife(case, 5, partial(oracle, case, name))
        assert found[f"{name}_ci"] == pytest.approx(expected, abs=2e-5), name


@pytest.mark.slow
def test_wide_sources_have_intervals(make_case: MakeCase) -> None:
    case = make_case(n_sequences=150, widths=(600, 520))
    found = case.evaluate(metrics=(*ALIKE, "fve_a"), clusters="sequences").summary
    assert all(f"{name}_ci" not in found["not_measured"] for name in ALIKE)
    held = Passes(next(case.run.passes.iterdir())).held
    kept = [part for part in range(40) if label_of(LARGE) in held(part)]
    assert kept == list(range(20, 33))
    expected = jackknife(case, 13, partial(oracle, case, "cka"))
    assert found["cka_ci"] == pytest.approx(expected, abs=2e-5)


def bits(case: Case, **settings: object) -> bytes:
    case.evaluate(**{**SETTINGS, **settings})
    return case.run.summary.read_bytes()


@pytest.mark.usefixtures("five")
def test_the_same_bits_on_every_scheduler_and_from_what_is_kept(make_case: MakeCase) -> None:
    case = make_case(n_sequences=60)
    small = {"block_rows": 8, "tile_rows": 8}  # stages of several blocks
    found = set()
    for scheduler in ("sync", "threads", "processes"):
        found.add(bits(case, scheduler=scheduler, keep_passes=False, **small))
    bits(case, **small)
    case.run.summary.unlink()
    found.add(bits(case, **small))
    assert len(found) == 1


@pytest.mark.usefixtures("five")
def test_blocks_do_not_matter(make_case: MakeCase) -> None:
    case = make_case(n_sequences=60)
    one, other = (
        case.evaluate(**SETTINGS, block_rows=rows, tile_rows=rows).summary for rows in (8, 4096)
    )
    for name in ALIKE:
        assert one[f"{name}_ci"] == pytest.approx(other[f"{name}_ci"], abs=1e-9)


def test_kept_sums_of_other_groups_are_not_taken(
    make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(n_sequences=60)
    fine = bits(case)
    folder = next(case.run.passes.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(parts, "BUDGET", 1)
        case.run.summary.unlink()
        coarse = bits(case)
        assert coarse != fine
        assert next(case.run.passes.iterdir()) != folder
    case.run.summary.unlink()
    assert bits(case) == fine


@pytest.mark.usefixtures("five")
def test_a_metric_that_comes_later_and_one_that_is_wanted_no_more(make_case: MakeCase) -> None:
    case = make_case(n_sequences=60)
    whole = case.evaluate(**SETTINGS).summary
    for asked in (("fve",), ("cka", "fve"), ("cka",)):
        found = case.evaluate(metrics=asked, groups=6).summary
        told = [key for key in ("cka_ci", "fve_a_ci") if key in found]
        assert told == [key for key in ("cka_ci", "fve_a_ci") if key.split("_")[0] in asked]
        assert [found[key] for key in told] == [whole[key] for key in told]


@pytest.mark.parametrize("metrics", [[LARGE], [LARGE, SMALL]])
def test_kept_sums_are_folded(tmp_path: Path, metrics: list[Metric]) -> None:
    world, cut = make_world(60), Parts(6, 5)
    sums = tile_totals(metrics, world.block(0, 10))
    passes = Passes(tmp_path / "passes")
    for part in cut.all:
        passes.save({m.name: sums[m.name] for m in metrics if part in cut.of(m)}, part)
    passes.fold(metrics, cut)
    found = passes.load([m.name for m in metrics], None)
    for metric in metrics:
        rows = 5 if metric is LARGE else 6
        for name, array in sums[metric.name].items():
            np.testing.assert_allclose(found[metric.name][name], rows * array)
    assert np.isfinite(all_numbers(found[LARGE.name], [(0, 1)], (6, 6))).all()
