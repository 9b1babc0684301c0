"""Cosines of unrelated latents: their spread from the weights, and what the figure draws of it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xc.evaluate import Evaluation
from xc.evaluate.report.data import read_data
from xc.evaluate.report.figures.cosines import FIGURE
from xc.evaluate.report.random_pairs import read_bands
from xc.evaluate.report.save import draw_figure
from xc.evaluate.report.style import styled
from xc.store_schema import Checkpoint, CheckpointSource, RunLayout

D_SAE = 400


def written(root: Path, *, centred: bool = False, widths: tuple[int, ...] = (16, 16)) -> RunLayout:
    """Directions of A drawn around a common one, of B at random; encoders of A plus a constant."""
    rng = np.random.default_rng(5)
    decoders = [rng.normal(size=(D_SAE, d)).astype(np.float32) for d in widths]
    decoders[0][:, 0] += 3
    encoders = [w.T.copy() + np.float32(5 * (m == 0)) for m, w in enumerate(decoders)]
    sources = tuple(CheckpointSource(f"m{i}@1", f"m{i}", None, 1, "residual", d)
                    for i, d in enumerate(widths))  # fmt: skip
    checkpoint = Checkpoint(
        sources=sources,
        activation_fn={"name": "relu"},
        W_enc=tuple(encoders),
        b_enc=np.zeros(D_SAE, np.float32),
        W_dec=tuple(decoders),
        b_dec=tuple(np.zeros(d, np.float32) for d in widths),
        store_fingerprint="0" * 64,
        centre_rows=(centred,) * len(widths),
    )
    run = RunLayout(root)
    checkpoint.save(run.checkpoint)
    return run


def bands(run: RunLayout, latents: Any) -> Any:
    return read_bands(run, Checkpoint.load(run.checkpoint).config(), latents, seed=0)


@pytest.fixture
def latents(make_run: Callable[..., Any]) -> Any:
    made = make_run(d_sae=D_SAE)
    return read_data(made, run=made.run).latents


def all_pairs(u: np.ndarray, v: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Cosines of all pairs of different latents that fire."""
    a, b = (w[alive] / np.linalg.norm(w[alive], axis=1, keepdims=True) for w in (u, v))
    return np.asarray((a @ b.T)[~np.eye(len(a), dtype=bool)])


@pytest.mark.parametrize("centred", [False, True])
def test_bands_hold_the_middle_of_all_pairs(tmp_path: Path, latents: Any, *, centred: bool) -> None:
    run = written(tmp_path / "run", centred=centred)
    found, checkpoint = bands(run, latents), Checkpoint.load(run.checkpoint)
    encoders = [w.T - centred * w.T.mean(axis=1, keepdims=True) for w in checkpoint.W_enc]
    alive = latents.classes != "dead"
    for stem, sides in (("cosine", checkpoint.W_dec), ("cosine_encoder", encoders)):
        pairs = all_pairs(*sides, alive)
        low, high = found[f"{stem}_a_b"]
        assert ((pairs >= low) & (pairs <= high)).mean() == pytest.approx(0.95, abs=0.015)
        assert (pairs < low).mean() == pytest.approx(0.025, abs=0.01)
    assert found == bands(run, latents)


def test_only_sources_of_equal_width_have_bands(tmp_path: Path, latents: Any) -> None:
    run = written(tmp_path / "run", widths=(16, 12, 16))
    assert set(bands(run, latents)) == {"cosine_a_c", "cosine_encoder_a_c"}


def test_without_weights_there_are_none(tmp_path: Path, latents: Any) -> None:
    run = written(tmp_path / "run")
    config = Checkpoint.load(run.checkpoint).config()
    shutil.rmtree(run.checkpoint)
    assert read_bands(run, config, latents, seed=0) == {}


def test_the_figure_shows_mean_and_spread_of_decoders_and_encoders(evaluation: Evaluation) -> None:
    data = read_data(evaluation, run=evaluation.run)
    with styled("cosines"):
        canvas = draw_figure(FIGURE, data)
    assert [axes.get_title(loc="left") for axes in canvas.axes] == ["decoders", "encoders"]
    for axes, stem in zip(canvas.axes, ("cosine", "cosine_encoder"), strict=True):
        (ground,) = (p for p in axes.patches if hasattr(p, "get_width"))
        ends = ground.get_x(), ground.get_x() + ground.get_width()
        assert ends == pytest.approx(data.bands[f"{stem}_a_b"])
        places = {float(np.asarray(line.get_xdata())[0]) for line in axes.lines}
        assert places == {
            data.summary[f"{stem}_shared_median"], data.summary[f"{stem}_random_mean"],
        }  # fmt: skip
    (legend,) = canvas.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts[-2:] == ["mean of random pairs", "95 % of random pairs"]
    with styled("cosines"):
        bare = draw_figure(FIGURE, replace(data, bands={}))
    assert "95 % of random pairs" not in [t.get_text() for t in bare.legends[0].get_texts()]
