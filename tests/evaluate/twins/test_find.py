"""Twins of a whole evaluation: planted ones are found, measured and told."""

import pickle
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq
import pytest
from measured import Case, heldout_world
from twinned import with_twins

from xc.evaluate import Evaluation
from xc.evaluate.clusters import row_groups
from xc.evaluate.document import catalogue
from xc.evaluate.reader import Reader
from xc.evaluate.twins.divergence import _Leaf, question
from xc.evaluate.twins.find import KEYS
from xc.evaluate.twins.table import COLUMNS, SCHEMA
from xc.store_schema import RequestError

MakeCase = Callable[..., Case]


@pytest.fixture
def twinned(make_case: MakeCase) -> tuple[Case, Evaluation]:
    made = make_case(n_sequences=60, mend=with_twins)
    return made, made.evaluate()


def divergence(a: np.ndarray, b: np.ndarray, *, high: float, low: float) -> float:
    largest = max(a.max(), b.max())
    a, b = a / largest, b / largest
    split = ((a > high) & (b <= low)) | ((b > high) & (a <= low))
    return float(split.sum() / ((a > high) | (b > high)).sum())


def test_twins_are_found_by_every_method(twinned: tuple[Case, Evaluation]) -> None:
    case, _ = twinned
    table = pq.read_table(case.run.twins).to_pylist()
    expected = {(10, 14), (11, 15), (12, 16)}
    for method in ("hungarian", "greedy"):
        rows = [row for row in table if row["method"] == method]
        assert {(row["latent_a"], row["latent_b"]) for row in rows} == expected
        assert [row["cosine"] for row in rows] == pytest.approx([1.0] * 3)
    false = [row for row in table if row["method"] == "false"]
    assert len(false) == 3
    assert {row["latent_a"] for row in false} == {10, 11, 12}
    assert {row["latent_b"] for row in false} == {14, 15, 16}
    assert not {(row["latent_a"], row["latent_b"]) for row in false} & expected


def test_divergences_are_those_of_the_dense_latents(twinned: tuple[Case, Evaluation]) -> None:
    case, found = twinned
    world = heldout_world(case)
    v = world.f * world.decoder.norms.sum(axis=1)
    medians: dict[str, list[float]] = {"hungarian": [], "false": []}
    for row in pq.read_table(case.run.twins).to_pylist():
        a, b = v[:, row["latent_a"]], v[:, row["latent_b"]]
        values = [divergence(a, b, high=h, low=w) for h, w in ((0.7, 0.3), (0.4, 0.1))]
        assert [row["divergence_07_03"], row["divergence_04_01"]] == pytest.approx(values)
        if row["method"] in medians:
            medians[row["method"]].append(values[0])
    assert found.summary["n_twins"] == found.summary["n_twins_greedy"] == 3
    for method, key in (("hungarian", ""), ("false", "false_")):
        told = found.summary[f"{key}twin_divergence_median"]
        assert told == pytest.approx(np.median(medians[method]))


def test_tasks_travel_to_other_processes(make_case: MakeCase) -> None:
    case = make_case(n_sequences=20)
    reader = Reader(case.store.path, case.run.root, 64)
    ends = np.array([10, 11]), np.array([14, 15])
    pairs = question(*ends, np.ones(18), np.ones(18))
    sequences = case.store.sequences.row_offsets
    counted = np.diff(sequences)
    leaf = _Leaf(reader, pairs, row_groups(counted, np.arange(len(counted)), 3))
    (block, *_) = case.store.splits["heldout"]
    there = pickle.loads(pickle.dumps(leaf))(tuple(block))
    for name, counts in leaf(tuple(block)).items():
        assert counts.shape == (3, 2, 2)
        np.testing.assert_array_equal(there[name], counts)


def test_without_twins_there_is_a_count_and_a_reason(evaluation: Evaluation) -> None:
    summary = evaluation.summary
    assert summary["n_twins"] == summary["n_twins_greedy"] == 0
    for key in KEYS:
        if key.endswith("median"):
            assert summary[key] is summary[f"{key}_04_01"] is None
            assert "no twins" in summary["not_measured"][key]
        assert summary[f"{key}_ci"] is None
        assert f"{key}_ci" in summary["not_measured"]
    assert list(summary)[-1] == "not_measured"


def test_unequal_widths_have_no_twins(make_case: MakeCase) -> None:
    case = make_case(widths=(16, 12), n_sequences=20)
    summary = case.evaluate().summary
    assert summary["n_twins"] is None
    assert "width" in summary["not_measured"]["n_twins"]
    assert pq.read_schema(case.run.twins) == SCHEMA


def test_of_three_sources_each_pair_is_told(make_case: MakeCase) -> None:
    case = make_case(widths=(16, 16, 12), n_sequences=20)
    summary = case.evaluate().summary
    assert summary["n_twins_a_b"] == 0
    assert summary["n_twins_a_c"] is None
    assert "width" in summary["not_measured"]["n_twins_b_c"]


def test_twins_need_the_classes(make_case: MakeCase) -> None:
    summary = make_case(n_sequences=20).evaluate(metrics=("l0",)).summary
    assert summary["n_twins"] is None
    assert "class" in summary["not_measured"]["n_twins"]


def test_the_threshold_is_a_setting(make_case: MakeCase) -> None:
    case = make_case(n_sequences=20)
    loose = case.evaluate(twin_cosine=0.0).summary["n_twins"]
    assert loose > 0
    with pytest.raises(RequestError, match="twin_cosine"):
        case.evaluate(twin_cosine=1.0)


def test_keys_and_columns_are_documented() -> None:
    page = catalogue()
    assert all(f"### `{key}`" in page for key in KEYS)
    assert all(f"| `{column}` |" in page for column in COLUMNS)
