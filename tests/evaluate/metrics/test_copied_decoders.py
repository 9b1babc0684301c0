"""The identical-model oracle: copied decoders and equal activations."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import planted
import pytest
from evaluating import World, make_world

from xc.evaluate import EvaluateConfig, evaluate
from xc.evaluate.facts import Facts
from xc.store_schema import Silent


@pytest.fixture(scope="module")
def twins() -> World:
    world = make_world(200, 60, zero_rows=False)
    return replace(
        world, W=(world.W[0],) * 2, b=(world.b[0],) * 2, x=(world.x[0],) * 2,
        centre=(world.centre[0],) * 2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def facts(twins: World) -> Facts:
    return twins.facts()


def test_norms_are_equal_exactly(facts: Facts) -> None:
    assert (facts.values["delta_norm"] == 0.5).all()
    assert (facts.values["rel_norm"] == 0.5).all()


def test_everything_is_shared(facts: Facts) -> None:
    assert set(facts.values["class"][facts.alive, 0]) == {"shared"}
    assert facts.values["n_shared"] == facts.alive.sum()


def test_sharedness_and_alignment_are_one_exactly(facts: Facts) -> None:
    for name in ("sharedness", "sharedness_v", "sharedness_unweighted"):
        assert facts.values[name].tolist() == [1.0]
    for name in ("alignment", "alignment_adjusted", "alignment_all", "alignment_shared"):
        assert facts.values[name].tolist() == [1.0]


def test_what_a_third_source_has_alone_does_not_part_two_that_are_equal() -> None:
    """A latent that writes to neither of two sources says nothing of what they share."""
    world = make_world(200, 60, widths=(7, 7, 5), zero_rows=False)
    decoder = world.W[0].copy()
    decoder[:20] = 0  # the third source's own
    values = replace(world, W=(decoder, decoder, world.W[2])).facts().values
    for name in ("sharedness", "sharedness_v", "sharedness_unweighted"):
        assert values[name][0] == 1.0
        assert values[name][1] < 1.0


def test_equal_activations_are_alike_exactly(facts: Facts) -> None:
    for name in ("cca", "svcca", "pwcca", "cka", "procrustes"):
        assert facts.values[name].tolist() == [1.0]


def test_no_latent_explains_one_source_more_than_the_other(facts: Facts) -> None:
    ratios = [name for name in facts.values if name.startswith("mse_improvement_ratio_")]
    assert len(ratios) == 8
    for name in ratios:
        known = facts.values[name][facts.alive]
        np.testing.assert_array_equal(known[~np.isnan(known)], 1.0)


def test_no_latent_looks_exclusive(facts: Facts) -> None:
    for name in ("nu_error", "nu_reconstruction"):
        known = facts.values[name][facts.alive]
        np.testing.assert_array_equal(known, 1.0)


def test_every_latent_is_counted_as_shared(facts: Facts) -> None:
    for name in ("n_a_only", "n_b_only", "n_other"):
        assert facts.values[name] == 0
    np.testing.assert_allclose(facts.values["cosine"][facts.alive], 1.0, rtol=0, atol=1e-12)
    assert facts.values["cosine_shared_median"] == pytest.approx(1.0, abs=1e-12)


def test_both_sources_are_reconstructed_alike(facts: Facts) -> None:
    for name in ("fve", "mse"):
        a, b = facts.values[name]
        assert a == b


def test_through_files_it_is_the_same(tmp_path: Path) -> None:
    """One source named twice, its decoder twice: what `xc evaluate` writes."""
    plan = planted.make_plan()
    truth = planted.make_truth(plan.n_rows, n_shared=40, n_a_only=0, n_b_only=0)
    store = planted.write_store(tmp_path / "acts.zarr", truth, plan)
    one = planted.true_crosscoder(truth, store)
    twice = replace(
        one, sources=one.sources[:1] * 2, b_dec=one.b_dec[:1] * 2, W_enc=one.W_enc[:1] * 2,
        W_dec=one.W_dec[:1] * 2, store_fingerprint=store.fingerprint_of([one.sources[0].key] * 2),
    )  # fmt: skip
    run = planted.write_run(tmp_path / "run", twice, store)
    done = evaluate(EvaluateConfig(report=False), run=run, store=store, progress=Silent())
    for name in ("sharedness", "alignment", "alignment_adjusted"):
        assert done.summary[name] == 1.0
    assert done.summary["n_a_only"] == done.summary["n_b_only"] == done.summary["n_other"] == 0
    assert done.summary["n_shared"] == 40
    assert (done.latents.column("delta_norm") == 0.5).all()
    assert (done.latents.column("rel_norm") == 0.5).all()
    np.testing.assert_array_equal(done.latents.column("nu_error"), 1.0)
