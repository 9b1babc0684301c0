"""The planted control of a run: sizes follow its shape, and λ weighs as it does in the run."""

import dataclasses

import pytest

from xc.cli.null_planted import planted_config, planted_world, with_penalty
from xc.evaluate.nulls.planted import A, B
from xc.train import TrainConfig
from xc.train.presets import PRESETS

WIDTHS = (768, 512)
KEPT = (
    "sparsity", "code_norm", "exclusive", "shared_fraction", "init_norm", "init_same", "centre",
    "normalisation", "reconstruction", "clip_norm", "auxk_coeff",
)  # fmt: skip


def settled(**values: object) -> TrainConfig:
    """As `config.yaml` has it: sizes filled in."""
    return TrainConfig.resolve({"d_sae": 6144, "sources": ("gpt2@6", "small@3"), **values})


def small_of(config: TrainConfig, widths: tuple[int, int] = WIDTHS) -> TrainConfig:
    return planted_config(config, widths, planted_world(config, widths), tokens=None)


def test_the_shape_is_that_of_the_run() -> None:
    world = planted_world(settled(), WIDTHS)
    assert world.widths == (40, 27)
    assert not world.same
    assert world.numbers == (48, 16, 16)
    assert planted_world(settled(), (768, 768)).same
    small = small_of(settled(k=64))
    assert (small.d_sae, small.k, small.sources) == (320, 4, (A, B))
    assert planted_config(settled(), WIDTHS, world, tokens=1000).tokens == 1000


def test_a_small_dictionary_gets_few_directions() -> None:
    config = settled(d_sae=768)
    world = planted_world(config, WIDTHS)
    small = small_of(config)
    assert small.d_sae == 40
    assert sum(world.numbers) == 25
    assert world.numbers[0] == 3 * world.numbers[1]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_recipe_has_one(preset: str) -> None:
    widths = (768, 768) if preset != "dfc" else WIDTHS
    config = settled(preset=preset, d_sae=16384)
    small = small_of(config, widths)
    for name in KEPT:
        assert getattr(small, name) == getattr(config, name), name
    assert small.lr is None
    assert small.lr_warmup_steps == 0


def test_prefixes_shrink_with_the_dictionary() -> None:
    config = settled(matryoshka=(1024, 3072))
    assert small_of(config).matryoshka == (53, 160)
    assert small_of(settled(matryoshka=(8, 3072))).matryoshka == (160,)


@pytest.mark.parametrize(
    ("values", "by_variance", "by_l0"),
    [
        ({"sparsity": "l1"}, 2.0, 0.5),
        ({"sparsity": "l1", "reconstruction": "norm"}, 1.0, 0.5),
        ({"sparsity": "jumprelu"}, 4.0, 0.25),
        ({"sparsity": "jumprelu", "reconstruction": "norm"}, 2.0, 0.25),
        ({"sparsity": "batch_topk"}, 1.0, 1.0),
    ],
)
def test_lambda_weighs_against_the_gain_of_a_latent(
    values: dict[str, object], by_variance: float, by_l0: float
) -> None:
    """Four times the variance, and four times the active latents."""
    config = settled(l1_coeff=3.0, **values)
    small = small_of(config)
    k = float(small.k)

    def coefficient(l0: float, of_run: float, of_planted: float) -> float:
        found = with_penalty(small, config, l0=l0, of_run=of_run, of_planted=of_planted)
        assert dataclasses.replace(found, l1_coeff=small.l1_coeff) == small
        return found.l1_coeff

    assert coefficient(k, 7.0, 7.0) == pytest.approx(3.0)
    assert coefficient(k, 7.0, 28.0) == pytest.approx(3.0 * by_variance)
    assert coefficient(k / 4, 7.0, 7.0) == pytest.approx(3.0 * by_l0)
