"""A source alone, a difference, two side by side: what means something is measured, and nothing
else; every gap has its reason."""

from pathlib import Path

import numpy as np
import planted
import pytest
from evaluating import ORACLES, Dense, assert_same
from measured import Case, heldout_world

from xc.evaluate import METRICS, Evaluation
from xc.evaluate.naming import named_values, names
from xc.evaluate.summary import NEEDS_TWO
from xc.store_schema import ActivationStore, Checkpoint, CheckpointSource

DIFFERENCE, BESIDE = "alpha@1 - beta@2", "alpha@1 + beta@2"

MEANINGFUL = (
    "fve_a", "fve", "mse_a", "cosine_reconstruction_a", "l0", "l0_p05", "l0_p50", "l0_p95",
    "fve_legacy_kissane_a", "fve_legacy_minder_a", "dead_fraction", "n_dead", "n_dead_minder",
)  # fmt: skip
COMPARING = (
    "sharedness", "sharedness_v", "sharedness_from_shared", "sharedness_unweighted", "alignment",
    "n_shared", "n_a_only", "n_shared_rms", "rel_norm_mode_middle", "cosine_shared_median",
    "cosine_encoder_random_mean", "template_over_half_shared",
    "nu_error_frequency_spearman_other", "nu_reconstruction_frequency_pearson_other",
)  # fmt: skip
SILENT = (
    "rel_norm", "delta_norm_rms", "cosine", "cosine_encoder", "nu_error",
    "mse_improvement_ratio_activation", "mse_improvement_ratio_activation_no_bias_heldout",
)  # fmt: skip
"""Columns that a source alone cannot have."""


def dictionary(truth: planted.Truth, store: ActivationStore, key: str) -> Checkpoint:
    """An SAE that knows the directions of a source, stored or derived."""
    a, b = truth.directions
    of = {
        "alpha@1": (a, truth.bias[0]),
        DIFFERENCE: (a - b, truth.bias[0] - truth.bias[1]),
        BESIDE: (np.concatenate([a, b], axis=1), np.concatenate(truth.bias)),
    }
    directions, bias = of[key]
    inverse = np.linalg.pinv(directions)
    source = store.source(key)
    return Checkpoint(
        sources=(
            CheckpointSource(
                key, source.model, source.revision, source.layer, source.site, source.d_model
            ),
        ),
        activation_fn={"name": "batch_topk", "k": 2},
        W_enc=(inverse.astype(np.float32),),
        b_enc=(-(bias @ inverse)).astype(np.float32),
        W_dec=(directions.astype(np.float32),),
        b_dec=(bias.astype(np.float32),),
        threshold=0.1,
        store_fingerprint=store.fingerprint_of([key]),
    )


@pytest.fixture(scope="module", params=["alpha@1", DIFFERENCE, BESIDE])
def measured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Case, Evaluation]:
    root: Path = tmp_path_factory.mktemp("alone")
    plan = planted.make_plan(n_sequences=40)
    truth = planted.make_truth(plan.n_rows)
    store = planted.write_store(root / "acts.zarr", truth, plan, noise=0.1)
    checkpoint = dictionary(truth, store, request.param)
    run = planted.write_run(root / "run", checkpoint, store)
    case = Case(truth, store, checkpoint, run)
    return case, case.evaluate(report=request.param == DIFFERENCE)


def test_what_means_something_is_measured(measured: tuple[Case, Evaluation]) -> None:
    case, found = measured
    for key in MEANINGFUL:
        assert isinstance(found.summary[key], int | float), key
    dense = Dense(heldout_world(case))
    for metric in METRICS:
        here = names(metric, 1)
        if not here or metric.name not in ORACLES or metric.reads.value.startswith("nothing"):
            continue
        with np.errstate(all="ignore"):
            expected = named_values(metric, np.asarray(ORACLES[metric.name](dense)), 1)
        for key in here:
            column = metric.scope.is_column
            told = found.latents.column(key) if column else found.summary[key]
            assert_same(np.asarray(np.nan if told is None else told), expected[key], atol=1e-4)


def test_what_compares_two_is_null_and_says_why(measured: tuple[Case, Evaluation]) -> None:
    _, found = measured
    for key in (*COMPARING, *SILENT):
        assert found.summary["not_measured"][key] == NEEDS_TWO, key
        assert found.summary.get(key) is None
    columns = found.latents.to_arrow().column_names
    assert not set(SILENT) & set(columns)
    assert set(found.latents.column("class")) <= {"alive", "dead"}


def test_every_null_has_a_reason(measured: tuple[Case, Evaluation]) -> None:
    _, found = measured
    silent = {key for key, value in found.summary.items() if value is None}
    assert silent <= set(found.summary["not_measured"])
    table = found.latents.to_arrow()
    empty = {name for name in table.column_names if table[name].null_count == table.num_rows}
    assert empty <= set(found.summary["not_measured"])
    assert "persistence" in empty


def test_a_difference_sees_what_differs(measured: tuple[Case, Evaluation]) -> None:
    case, found = measured
    if case.checkpoint.sources[0].key != DIFFERENCE:
        return
    shared = case.truth.kind == "shared"
    assert (found.latents.column("norm_a")[shared] == 0).all()
    assert (found.latents.column("frequency")[~shared] > 0).all()
    assert found.summary["fve_a"] > 0.8
    assert "compares two sources" in found.run.report.read_text()
