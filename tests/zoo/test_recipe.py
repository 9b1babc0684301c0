"""The learning rate over a run."""

import pytest

from xc.zoo.recipe import Recipe

RECIPE = Recipe(tokens=100_000, batch_size=4, length=25, learning_rate=1e-3, warmup_share=0.1)


def test_steps_cover_the_tokens() -> None:
    assert RECIPE.steps == 1000
    assert Recipe(tokens=101, batch_size=4, length=25).steps == 2


def test_it_rises_to_the_peak_and_falls_to_the_final_share() -> None:
    rates = [RECIPE.learning_rate_at(step) for step in range(RECIPE.steps)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[-1] == pytest.approx(0.03e-3, rel=0.01)
