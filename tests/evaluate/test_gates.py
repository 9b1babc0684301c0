"""Sources that decode for themselves (`decoupled`): the metrics against dense arrays."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from measured import Case, heldout_world

from xc.evaluate import Evaluation
from xc.evaluate.latent_rows import LatentRows
from xc.store_schema import Checkpoint
from xc.store_schema.gate import Gate

THETA = (0.2, 0.9)


def decoupled(checkpoint: Checkpoint) -> Checkpoint:
    """The planted crosscoder with a threshold per source, of which the second is the higher."""
    fn = {**checkpoint.activation_fn, "code_norm": "decoupled"}
    return replace(checkpoint, activation_fn=fn, threshold=np.array(THETA), scale=(1.5, 0.5))


@dataclass(frozen=True)
class Dense:
    """The held-out rows, with what each source decodes, all in float64."""

    f: np.ndarray
    decoded: list[np.ndarray]
    x: list[np.ndarray]
    W: list[np.ndarray]
    residual: list[np.ndarray]

    @classmethod
    def of(cls, case: Case) -> "Dense":
        world = heldout_world(case)
        f, W = world.f.astype(float), [w.astype(float) for w in world.W]
        decoded = [f * (f * np.linalg.norm(w, axis=1) > t) for w, t in zip(W, THETA, strict=True)]
        x = [part.astype(float) for part in world.x]
        parts = zip(x, decoded, W, world.b, strict=True)
        return cls(f, decoded, x, W, [a - (d @ w + b) for a, d, w, b in parts])

    def without(self, m: int, j: int) -> np.ndarray:
        """x_m − (x̂_m − what source m decodes of latent j)."""
        return self.residual[m] + np.outer(self.decoded[m][:, j], self.W[m][j])


@pytest.fixture
def measured(make_case: Callable[..., Case]) -> tuple[Evaluation, Dense]:
    case = make_case(mend=decoupled)
    return case.evaluate(), Dense.of(case)


def test_errors_are_those_of_what_each_source_decodes(measured: tuple[Evaluation, Dense]) -> None:
    found, dense = measured
    assert (dense.decoded[0] > 0).sum() > (dense.decoded[1] > 0).sum() > 0
    for m, name in enumerate("ab"):
        error = np.square(dense.residual[m]).sum()
        spread = np.square(dense.x[m] - dense.x[m].mean(axis=0)).sum()
        assert found.summary[f"mse_{name}"] == pytest.approx(error / len(dense.f), rel=1e-4)
        assert found.summary[f"fve_{name}"] == pytest.approx(1 - error / spread, abs=1e-5)
    assert found.summary["l0"] == pytest.approx((dense.f > 0).sum() / len(dense.f))


def test_scaling_puts_back_what_the_source_decoded(measured: tuple[Evaluation, Dense]) -> None:
    found, dense = measured
    direction = dense.W[1]
    compared = 0
    for j in np.flatnonzero((dense.f > 0).any(axis=0) & direction.any(axis=1)):
        regressor = np.outer(dense.f[:, j], direction[j])
        for m, name in enumerate("ab"):
            y = dense.without(m, int(j))
            beta = (regressor * y).sum() / np.square(regressor).sum()
            before = np.square(y).sum()
            gain = (before - np.square(y - beta * regressor).sum()) / before
            column = found.latents.column
            assert column(f"beta_error_{name}")[j] == pytest.approx(beta, abs=1e-4)
            assert column(f"mse_improvement_error_{name}")[j] == pytest.approx(gain, abs=1e-4)
            x = dense.x[m]
            beta = (regressor * x).sum() / np.square(regressor).sum()
            gain = 1 - np.square(x - beta * regressor).sum() / np.square(x).sum()
            assert column(f"mse_improvement_activation_{name}")[j] == pytest.approx(gain, abs=1e-4)
            compared += 1
    assert compared > 10


def test_a_gate_on_compressed_rows() -> None:
    f = np.array([[0.0, 1.0, 0.5], [0.0, 0.0, 0.0], [2.0, 0.0, 0.25]], np.float32)
    row, latent = np.nonzero(f)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=3))])
    rows = LatentRows(indptr, latent.astype(np.int32), f[row, latent], 3)
    gate = Gate(np.array([1.0, 1.0, 4.0], np.float32), 1.0)  # strictly above: 1·1 does not pass
    expected = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.0], [2.0, 0.0, 0.0]], np.float32)
    np.testing.assert_array_equal(rows.through(gate).matrix.toarray(), expected)
