"""`evaluate` from a run to its artefacts, against the store read as a whole."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import planted
import pyarrow.parquet as pq
import pytest
from evaluating import assert_same
from measured import Case, assert_measured, heldout_world
from training import mask_rows

from xc.evaluate import METRICS, EvaluateConfig, Evaluation, evaluate
from xc.evaluate.naming import names
from xc.store_schema import ActivationStore, Checkpoint, RunLayout, Silent

CONTRACT_KEYS = [
    "l0", "fve_a", "fve_b", "fve", "mse_a", "mse_b", "dead_fraction", "sharedness",
    "sharedness_literal", "alignment", "alignment_chance", "alignment_adjusted", "cka",
    "svcca", "n_shared", "n_a_only", "n_b_only", "n_other", "n_dead",
    "cosine_shared_median", "ce_clean_a", "ce_spliced_a", "ce_zero_a", "ce_delta_a",
    "ce_recovered_a", "ce_clean_b", "ce_spliced_b", "ce_zero_b", "ce_delta_b",
    "ce_recovered_b",
]  # fmt: skip
CONTRACT_COLUMNS = [
    "latent", "class", "norm_a", "norm_b", "rel_norm", "delta_norm", "cosine", "frequency",
    "mean_activation", "max_activation", "beta_error_a", "beta_error_b",
    "beta_reconstruction_a", "beta_reconstruction_b", "nu_error", "nu_reconstruction",
    "nu_error_mirror", "nu_reconstruction_mirror", "mse_improvement_error_a",
    "mse_improvement_error_b", "beta_own_error_a", "beta_own_error_b", "template_fraction",
]  # fmt: skip


def test_everything_equals_the_oracle(case: Case, evaluation: Evaluation) -> None:
    assert_measured(evaluation, heldout_world(case))


@pytest.mark.parametrize("widths", [(16, 12), (16, 16, 16)])
def test_so_it_does_for_other_sources(
    make_case: Callable[..., Case], widths: tuple[int, ...]
) -> None:
    made = make_case(widths=widths, n_sequences=40)
    assert_measured(made.evaluate(), heldout_world(made))


def normalised(checkpoint: Checkpoint) -> Checkpoint:
    """The same crosscoder as if trained on (x − mean)·scale."""
    rng = np.random.default_rng(0)
    scale = (0.5, 2.0)
    mean = tuple(rng.normal(size=s.d_model).astype(np.float32) for s in checkpoint.sources)
    folded = replace(checkpoint, scale=scale, mean=mean, folded=True)
    zipped = list(zip(folded.W_enc, mean, scale, strict=True))
    return replace(
        folded,
        W_enc=tuple(w / np.float32(c) for w, _, c in zipped),
        b_enc=folded.b_enc + sum(m @ w for w, m, _ in zipped),
        W_dec=tuple(w * np.float32(c) for w, c in zip(folded.W_dec, scale, strict=True)),
        b_dec=tuple(
            (b - m) * np.float32(c) for b, m, c in zip(folded.b_dec, mean, scale, strict=True)
        ),
        folded=False,
    )


def test_activations_are_normalised_as_in_training(make_case: Callable[..., Case]) -> None:
    made = make_case(mend=normalised)
    assert_measured(made.evaluate(), heldout_world(made))


def test_a_folded_checkpoint_measures_the_same(make_case: Callable[..., Case]) -> None:
    made = make_case(mend=normalised)
    plain = made.evaluate()
    run = planted.write_run(made.run.root.parent / "folded", made.checkpoint.fold(), made.store)
    folded = made.evaluate(run)
    for key, value in plain.summary.items():
        if isinstance(value, float):
            assert folded.summary[key] == pytest.approx(value, abs=1e-4)
    for name in ("norm_a", "norm_folded_b", "beta_reconstruction_a", "nu_error"):
        assert_same(folded.latents.column(name), plain.latents.column(name), atol=1e-3)


def test_masked_rows_take_no_part(make_case: Callable[..., Case]) -> None:
    made = make_case()
    mask = np.random.default_rng(0).random(made.store.n_rows) < 0.7
    mask_rows(made.store, mask)
    case = replace(made, store=ActivationStore.open(made.store.path))
    assert_measured(case.evaluate(), heldout_world(case, mask=mask))


def test_the_same_source_twice_is_all_shared(make_case: Callable[..., Case]) -> None:
    def twice(checkpoint: Checkpoint) -> Checkpoint:
        first = checkpoint.sources[0]
        half = tuple(checkpoint.W_enc[0] / np.float32(2) for _ in range(2))
        return replace(
            checkpoint, sources=(first, first), W_enc=half, W_dec=(checkpoint.W_dec[0],) * 2,
            b_dec=(checkpoint.b_dec[0],) * 2, store_fingerprint=None,
        )  # fmt: skip

    found = make_case(mend=twice).evaluate()
    assert found.summary["sharedness"] == pytest.approx(1.0, abs=1e-12)
    assert found.summary["alignment"] == pytest.approx(1.0, abs=1e-12)
    assert found.summary["n_a_only"] == found.summary["n_b_only"] == 0
    delta, fires = found.latents.column("delta_norm"), found.latents.column("frequency") > 0
    assert (delta[fires & ~np.isnan(delta)] == 0.5).all()


def test_unequal_widths_report_own_directions_only(make_case: Callable[..., Case]) -> None:
    found = make_case(widths=(16, 12)).evaluate().latents
    for name in ("cosine", "beta_error_a", "beta_error_b", "nu_error", "nu_reconstruction_mirror"):
        assert np.isnan(found.column(name)).all()
    assert np.isfinite(found.column("beta_own_error_b")).any()


def test_summary_is_flat_and_has_every_key(evaluation: Evaluation) -> None:
    text = evaluation.run.summary.read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    for key in CONTRACT_KEYS:
        assert key in evaluation.summary
    for key, value in evaluation.summary.items():
        if key.endswith("_ci"):
            assert (value is None) == (key in evaluation.summary["not_measured"])
            if evaluation.summary[key.removesuffix("_ci")] is None:
                continue
            low, high = value or (-np.inf, np.inf)
            assert low <= evaluation.summary[key.removesuffix("_ci")] <= high
        elif key != "not_measured":
            assert value is None or isinstance(value, int | float)
            assert (value is None) == (key in evaluation.summary["not_measured"])
    assert isinstance(evaluation.summary["n_shared"], int)


def test_every_metric_has_an_interval_or_a_reason(evaluation: Evaluation) -> None:
    for metric in (m for m in METRICS if not m.scope.is_column):
        for name in names(metric, 2):
            assert f"{name}_ci" in evaluation.summary


def test_latents_have_the_contracts_columns_first(evaluation: Evaluation) -> None:
    table = evaluation.latents.to_arrow()
    assert table.column_names[: len(CONTRACT_COLUMNS)] == CONTRACT_COLUMNS
    assert table.column("latent").to_pylist() == list(range(table.num_rows))
    assert str(table.schema.field("class").type) == "string"
    numbers = set(table.column_names) - {"latent", "class"}
    assert {str(table.schema.field(n).type) for n in numbers} == {"double"}
    assert table.column("template_fraction").null_count == table.num_rows


def test_planted_classes_are_found(case: Case, evaluation: Evaluation) -> None:
    assert evaluation.latents.column("class").tolist() == case.truth.kind.tolist()


def test_only_asked_metrics_are_measured(case: Case, tmp_path: Path) -> None:
    run = planted.write_run(tmp_path / "run", case.checkpoint, case.store)
    found = case.evaluate(run, metrics=("n_shared", "l0"))
    assert found.summary["l0"] is not None
    assert found.summary["n_shared"] == 10
    assert found.summary["fve_a"] is None
    assert "--metrics" in found.summary["not_measured"]["fve_a"]
    assert found.latents.to_arrow().column("nu_error").null_count == 18
    assert found.examples.to_arrow().num_rows == 0


def test_weights_alone_need_no_pass(case: Case, tmp_path: Path) -> None:
    run = planted.write_run(tmp_path / "run", case.checkpoint, case.store)
    found = case.evaluate(run, metrics=("rel_norm",))
    assert np.isfinite(found.latents.column("rel_norm")).all()


def test_inputs_are_written_down(case: Case, evaluation: Evaluation) -> None:
    told = json.loads((case.run.evaluation / "provenance.json").read_text())
    assert told["checkpoint_fingerprint"] == case.checkpoint.fingerprint
    assert told["heldout_rows"] == sum(b - a for a, b in case.store.splits["heldout"])
    assert told["heldout_sequences"] == 30
    assert case.run.evaluation_config.is_file()


def test_what_is_done_is_left_alone(make_case: Callable[..., Case]) -> None:
    made = make_case()
    made.evaluate()
    before = made.run.summary.stat().st_mtime_ns
    made.evaluate(scheduler="sync")
    assert made.run.summary.stat().st_mtime_ns == before
    made.evaluate(seed=1)
    assert made.run.summary.stat().st_mtime_ns != before


def test_an_evaluation_again_gives_the_same_bytes(make_case: Callable[..., Case]) -> None:
    made = make_case()

    def files() -> dict[str, bytes]:
        made.evaluate()
        return {p.name: p.read_bytes() for p in made.run.evaluation.iterdir() if p.is_file()}

    first = files()
    made.run.examples.unlink()
    assert files() == first


def test_the_report_is_written(make_case: Callable[..., Case]) -> None:
    made = make_case()
    made.evaluate(report=True)
    assert "<html" in made.run.report.read_text()
    assert any(made.run.figures.glob("*.png"))


def test_default_settings_work(planted_run: RunLayout, planted_store: ActivationStore) -> None:
    config = EvaluateConfig(report=False)
    found = evaluate(config, run=planted_run, store=planted_store, progress=Silent())
    assert pq.read_table(planted_run.examples).num_rows > 0
    assert found.summary["fve"] > 0.99
