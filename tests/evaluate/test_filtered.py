"""Runs on some of the rows, measured on these alone; sinks, roles and parts are counted."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import labelled
import numpy as np
import planted
import pytest
from measured import Case, assert_measured, heldout_world

from xc.evaluate import Evaluation
from xc.evaluate.reader import Reader
from xc.evaluate.row_counts import COUNTS, count_rows
from xc.store_schema import ActivationStore, RequestError, RowFilter, RunLayout

KEYS = labelled.KEYS
ROLES = ("neither", "user", "assistant", "template")
DEFAULT = RowFilter()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[planted.Truth, ActivationStore]:
    folder = tmp_path_factory.mktemp("labelled")
    store = labelled.labelled_store(folder / "acts.zarr", widths=(16, 16))
    return planted.make_truth(labelled.N_ROWS), store


@pytest.fixture
def case_of(
    made: tuple[planted.Truth, ActivationStore], tmp_path: Path
) -> Callable[[RowFilter | None], Case]:
    def build(row_filter: RowFilter | None) -> Case:
        truth, store = made
        checkpoint = planted.true_crosscoder(truth, store)
        run = planted.write_run(tmp_path / "run", checkpoint, store, row_filter=row_filter)
        return Case(truth, store, checkpoint, run)

    return build


def world_of(case: Case, *filters: RowFilter) -> Any:
    masks = [f.mask(case.store, KEYS, 0, case.store.n_rows) for f in filters]
    return heldout_world(case, mask=np.logical_and.reduce(masks))


@pytest.mark.parametrize("row_filter", [DEFAULT, RowFilter(("assistant",)), RowFilter((), False)])
def test_everything_equals_the_oracle_on_these_rows(
    case_of: Callable[..., Case], row_filter: RowFilter
) -> None:
    case = case_of(row_filter)
    assert_measured(case.evaluate(), world_of(case, row_filter))


def test_a_table_that_tells_no_filter_goes_by_the_mask(case_of: Callable[..., Case]) -> None:
    case = case_of(None)
    assert_measured(case.evaluate(), world_of(case, RowFilter((), drop_sinks=False)))


def test_keep_narrows_the_runs_rows(case_of: Callable[..., Case]) -> None:
    case = case_of(RowFilter(("assistant", "user")))
    found = case.evaluate(keep=("user,template",))
    assert_measured(found, world_of(case, DEFAULT, RowFilter(("user",))))
    told = json.loads((case.run.evaluation / "provenance.json").read_text())
    assert told["filter"].endswith("attention sinks dropped; of these, only user, template")


def by_hand(case: Case) -> dict[str, np.ndarray]:
    (start, stop), *_ = case.store.splits["heldout"]
    rows = case.store.rows
    return {
        "role": np.asarray(rows.role[start:stop]),
        "corpus": np.asarray(rows.corpus[start:stop]),
        "any": labelled.dropped(*KEYS)[start:stop],
        **{key: labelled.SINKS[key][start:stop] for key in KEYS},
    }


def test_rows_are_counted(case_of: Callable[..., Case]) -> None:
    case = case_of(DEFAULT)
    found, hand = case.evaluate().summary, by_hand(case)
    assert found["rows"] == np.count_nonzero(~hand["any"])
    assert found["sinks_a"] == np.count_nonzero(hand["alpha@1"])
    assert found["sinks_b"] == np.count_nonzero(hand["beta@2"])
    for number, role in enumerate(ROLES):
        assert found[f"rows_role_{role}"] == ((hand["role"] == number) & ~hand["any"]).sum()
    assert found["rows_corpus_org-web"] == ((hand["corpus"] == 0) & ~hand["any"]).sum()
    assert found["rows_corpus_ci~2"] == ((hand["corpus"] == 1) & ~hand["any"]).sum()


def test_sinks_are_counted_among_the_rows_asked_for(case_of: Callable[..., Case]) -> None:
    case = case_of(RowFilter(("user",), drop_sinks=False))
    found, hand = case.evaluate().summary, by_hand(case)
    assert found["sinks_a"] == np.count_nonzero(hand["alpha@1"] & (hand["role"] == 1))
    assert found["rows"] == np.count_nonzero(hand["role"] == 1)
    assert not [key for key in found if key.startswith("rows_role")]
    assert not [key for key in found if key.startswith("fve_a_role")]


def test_groups_are_measured_with_intervals(case_of: Callable[..., Case]) -> None:
    case = case_of(DEFAULT)
    found, hand = case.evaluate().summary, by_hand(case)
    x = world_of(case, DEFAULT)
    f, role = x.f, hand["role"][~hand["any"]]
    assert found["l0_role_user"] == pytest.approx((f[role == 1] > 0).sum(axis=1).mean())
    assert found["l0_p95_role_user"] == np.quantile(
        (f[role == 1] > 0).sum(axis=1), 0.95, method="inverted_cdf"
    )
    for key in (
        "fve_a_role_assistant",
        "l0_corpus_ci~2",
        "l0_p50_role_user",
        "fve_b_corpus_org-web",
    ):
        low, high = found[f"{key}_ci"]
        assert low <= found[key] <= high
    only = case.evaluate(metrics=("fve",)).summary
    assert only["fve_a_role_user"] == found["fve_a_role_user"]
    assert only["l0_role_user"] is None
    assert "--metrics" in only["not_measured"]["l0_role_user"]


def test_latents_have_their_frequency_in_each_group(case_of: Callable[..., Case]) -> None:
    case = case_of(DEFAULT)
    found, hand = (
        case.evaluate(metrics=("frequency", "mse", "cosine_reconstruction")),
        by_hand(case),
    )
    f, kept = world_of(case, DEFAULT).f, ~hand["any"]
    for column, rows in (("role_user", hand["role"] == 1), ("corpus_ci~2", hand["corpus"] == 1)):
        expected = (f[rows[kept]] > 0).mean(axis=0)
        np.testing.assert_allclose(found.latents.column(f"frequency_{column}"), expected)
    for key in ("mse_a_role_user", "cosine_reconstruction_b_corpus_org-web"):
        low, high = found.summary[f"{key}_ci"]
        assert low <= found.summary[key] <= high


def test_latents_are_measured_in_each_group(
    made: tuple[planted.Truth, ActivationStore], tmp_path: Path
) -> None:
    """By plain NumPy on the rows of a role or part, of which some latents fire on none."""
    truth, store = made
    checkpoint = planted.true_crosscoder(truth, store)
    shy = np.linspace(0, 6, checkpoint.d_sae, dtype=np.float32)
    checkpoint = replace(checkpoint, b_enc=checkpoint.b_enc - shy)
    run = planted.write_run(tmp_path / "run", checkpoint, store, row_filter=DEFAULT)
    case = Case(truth, store, checkpoint, run)
    found, hand = case.evaluate(), by_hand(case)
    f, kept = world_of(case, DEFAULT).f, ~hand["any"]
    parts = {
        **{f"role_{name}": hand["role"] == i for i, name in enumerate(ROLES)},
        "corpus_org-web": hand["corpus"] == 0, "corpus_ci~2": hand["corpus"] == 1,
    }  # fmt: skip
    dead, told = set(), 0
    for end, rows in parts.items():
        own, column = f[rows[kept]], partial(column_of, found, end)
        np.testing.assert_allclose(column("mean_activation"), own.mean(axis=0), rtol=1e-6)
        np.testing.assert_array_equal(column("max_activation"), own.max(axis=0))
        for percent in (50, 90, 99):
            some = [np.sort(each[each > 0]) for each in own.T]
            rank = [-(-percent * len(each) // 100) - 1 for each in some]
            exact = [e[k] if len(e) else np.nan for e, k in zip(some, rank, strict=True)]
            np.testing.assert_allclose(column(f"activation_p{percent}"), exact, rtol=1 / 32)
        alive = (own > 0).any(axis=0)
        assert found.summary[f"dead_fraction_{end}"] == pytest.approx(1 - alive.mean())
        weak = own.max(axis=0) * norms_of(case) <= 1e-4
        assert found.summary[f"n_dead_minder_{end}"] == weak.sum()
        dead.add(int(weak.sum()))
        low, high = found.summary[f"n_dead_minder_{end}_ci"] or (0, np.inf)
        assert low <= weak.sum() <= high
        told += high < np.inf
    assert len(dead) > 2
    assert told > 1


def column_of(found: Evaluation, end: str, name: str) -> np.ndarray:
    return found.latents.column(f"{name}_{end}")


def norms_of(case: Case) -> np.ndarray:
    """Σ‖d‖ [latent]."""
    rows = (np.asarray(w, np.float64) for w in case.checkpoint.W_dec)
    return np.add.reduce([np.linalg.norm(w, axis=1) for w in rows])


def test_groups_are_the_same_in_other_processes(case_of: Callable[..., Case]) -> None:
    case = case_of(DEFAULT)
    reader = Reader(case.store.path, case.run.root, 64, ("user",))
    assert reader.__getstate__()["keep"] == ("user",)
    one, many = (case.evaluate(scheduler=s, seed=0).summary for s in ("sync", "threads"))
    assert one == many


def test_template_fraction_is_filled_where_there_are_templates(
    case_of: Callable[..., Case], evaluation: Evaluation
) -> None:
    found = case_of(DEFAULT).evaluate()
    share = found.latents.column("template_fraction")
    fires = found.latents.column("frequency") > 0
    assert np.isfinite(share[fires]).all()
    assert "template_fraction" not in found.summary["not_measured"]
    assert "template" in evaluation.summary["not_measured"]["template_fraction"]


def test_old_stores_do_not_know_their_sinks() -> None:
    golden = Path(__file__).parents[1] / "golden" / "v1"
    reader = Reader(golden / "acts.zarr", golden / "golden_run", 64)
    counts = count_rows(reader, reader.store.splits["heldout"])
    assert counts.sinks == (None,) * len(reader.keys)
    assert "harvest again" in counts.not_measured()["sinks_a"]
    assert counts.groups == {}
    assert set(COUNTS) >= {"rows", "sinks_a"}


def test_nothing_left_and_unknown_names_are_refused(case_of: Callable[..., Case]) -> None:
    case = case_of(RowFilter(("assistant",)))
    with pytest.raises(RequestError, match=r"no held-out row is left .*only user"):
        case.evaluate(keep=("user",))
    with pytest.raises(RequestError, match="did you mean 'corpus:org/web'"):
        case.evaluate(keep=("corpus:org/wep",))


def test_examples_are_of_these_rows(case_of: Callable[..., Case]) -> None:
    case = case_of(DEFAULT)
    found = case.evaluate(keep=("user",)).examples.to_pandas()
    kept = RowFilter(("user",)).mask(case.store, KEYS, 0, case.store.n_rows)
    assert len(found) > 0
    assert kept[found["row"].to_numpy()].all()


def test_the_report_tells_sinks_and_groups(case_of: Callable[..., Case]) -> None:
    case = case_of(DEFAULT)
    case.evaluate(report=True)
    run: RunLayout = case.run
    page = run.report.read_text()
    for text in ("attention sinks dropped", "By role and part of the corpus", "ci~2", "assistant"):
        assert text in page
