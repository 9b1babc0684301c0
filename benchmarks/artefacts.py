"""Headline metrics where the truth is known, and the artefacts of the L1 penalty made on purpose:
complete shrinkage and latent decoupling (Minder et al. 2025, section 2.3 and appendix A.4).

    python benchmarks/artefacts.py [--steps 1000] [--quick]

Three worlds of two sources, 40 wide, whose directions are the same vectors in both:

- plain: shared, A-only and B-only directions;
- shrinkage: some directions that one source holds at 0.3 of the other's length;
- decoupling: concepts that fire in both sources on half of their rows, in A alone on a quarter and
  in B alone on a quarter.

Each is measured by `xc evaluate` through four dictionaries: the *truth* (planted directions and
codes), the *artefact* (what the L1 penalty has to gain, or nothing to lose, by: written down, not
trained), and two that are trained, with L1 and with BatchTopK.

Writes benchmarks/results/artefacts.json; `python benchmarks/table.py` prints the tables of
docs/artefacts.md from it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent))  # behind all packages: files here are named like some
from dictionary_runs import Dictionary, trained, written

from xc.evaluate import EvaluateConfig, Evaluation
from xc.evaluate.nulls.assessment import matched
from xc.evaluate.nulls.planted import A, B, lengthened, summed, write_rows
from xc.evaluate.report.numbers import in_form
from xc.store_schema import ActivationStore, Checkpoint, LatentTable

ROWS, WIDTH, NOISE = 65_536, 40, 0.05
FAINT = 0.3
"""Length of a faint direction beside that of the other source: no class of its own, `other`."""
L1_COEFF, K = 2.0, 4
"""λ, Kissane's; and about as many latents as fire on a row."""
COMMON: dict[str, Any] = {
    "sources": (A, B), "d_sae": 128, "batch_size": 512, "device": "cpu", "validate_every": 1000,
    "dead_after_tokens": 50_000, "save_every": 10**6, "log_every": 1000,
}  # fmt: skip
TRAINED: dict[str, dict[str, Any]] = {
    "L1": {"sparsity": "l1", "l1_coeff": L1_COEFF},
    "BatchTopK": {"sparsity": "batch_topk", "k": K},
}
KEYS = (
    "fve_a", "fve_b", "l0", "n_shared", "n_a_only", "n_b_only", "n_other", "sharedness",
    "sharedness_v", "sharedness_unweighted", "alignment", "alignment_adjusted",
    "cosine_shared_median",
)  # fmt: skip
"""Of summary.json."""
METRICS = (
    *(key for key in KEYS if not key.startswith("fve")), "class", "fve", "mse", "norm",
    "mean_activation", "nu_error", "nu_reconstruction",
)  # fmt: skip
CONFIG = EvaluateConfig(metrics=METRICS, bootstrap=0, groups=0, examples=0, report=False)
NU_ERROR, NU_RECONSTRUCTION = 0.2, 0.5
"""Below both, an exclusive latent is called specific by Minder et al."""


@dataclass(frozen=True)
class World:
    """What is planted, and what the penalty makes of it."""

    truth: Dictionary
    artefact: Callable[[Dictionary, tuple[float, float]], Dictionary] | None
    """Of the truth and the scales of normalisation."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="few steps, to see that it runs")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "results" / "artefacts.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    steps = 50 if args.quick else args.steps
    results: dict[str, Any] = {
        "benchmark": "artefacts", "steps": steps, "l1_coeff": L1_COEFF, "k": K, "faint": FAINT,
        "common": COMMON, "worlds": {name: measure(make(), steps) for name, make in WORLDS.items()},
        "cpu_seconds": round(time.process_time() - began),
    }  # fmt: skip
    args.out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def plain() -> World:
    rng = np.random.default_rng(0)
    lengths = [(1, 1)] * 48 + [(1, 0)] * 16 + [(0, 1)] * 16
    return World(_planted(lengths, rng), None)


def shrinkage() -> World:
    rng = np.random.default_rng(1)
    lengths = [(1, 1)] * 32 + [(1, FAINT)] * 16 + [(FAINT, 1)] * 16 + [(1, 0)] * 8 + [(0, 1)] * 8
    return World(_planted(lengths, rng), shrunk)


def decoupling() -> World:
    """Three latents per concept that never fire together: both, A alone, B alone."""
    rng = np.random.default_rng(2)
    n = 24
    d = lengthened(rng.normal(size=(n, WIDTH)))
    fires = rng.random((ROWS, n)) < K / n
    where = rng.choice(3, (ROWS, n), p=(0.5, 0.25, 0.25))
    # Amplitudes vary little, so that a threshold can tell "in both" from "in one".
    amplitude = np.where(fires, rng.gamma(64.0, 2 / 64, fires.shape), 0)
    codes = np.concatenate([amplitude * (where == i) for i in range(3)], axis=1)
    nothing = np.zeros_like(d)
    return World(
        Dictionary(
            (np.concatenate([d, d, nothing]), np.concatenate([d, nothing, d])),
            codes,
            np.tile(np.arange(n), 3),
        ),
        decoupled,
    )


WORLDS: dict[str, Callable[[], World]] = {
    "plain": plain, "shrinkage": shrinkage, "decoupling": decoupling
}  # fmt: skip


def shrunk(truth: Dictionary, scales: tuple[float, float]) -> Dictionary:
    """The decoders that the L1 objective is smallest at, the codes held.

    Σ_t (f_t L − f_t n)² + λ Σ_t f_t n is smallest at n = L − λ Σf/(2Σf²), in each source by itself
    and never below 0: what one source holds faintly goes altogether.
    """
    take = L1_COEFF * truth.codes.sum(axis=0) / (2 * (truth.codes**2).sum(axis=0))
    return replace(
        truth, W=(_less(truth.W[0], take / scales[0]), _less(truth.W[1], take / scales[1]))
    )


def _less(rows: np.ndarray, take: np.ndarray) -> np.ndarray:
    """Rows shortened by so much, at most to nothing."""
    lengths = np.linalg.norm(rows, axis=1)
    left = np.maximum(lengths - take, 0)
    return rows * np.divide(left, lengths, out=np.zeros_like(left), where=lengths > 0)[:, None]


def decoupled(truth: Dictionary, scales: tuple[float, float]) -> Dictionary:
    """Two latents per concept in place of three: A's wherever A holds it, and B's.

    Both fire where both sources hold the concept; Σ f(‖d_A‖ + ‖d_B‖) and the reconstruction stay.
    """
    both, a_alone, b_alone = np.split(truth.codes, 3, axis=1)
    d = np.split(truth.W[0], 3)[0]
    nothing = np.zeros_like(d)
    return Dictionary(
        (np.concatenate([d, nothing]), np.concatenate([nothing, d])),
        np.concatenate([both + a_alone, both + b_alone], axis=1),
        np.tile(np.arange(len(d)), 2),
    )


def _planted(lengths: list[tuple[float, float]], rng: np.random.Generator) -> Dictionary:
    """Directions of these lengths in A and B, of other frequencies and amplitudes each."""
    n = len(lengths)
    d = lengthened(rng.normal(size=(n, WIDTH)))
    frequency = np.exp(rng.uniform(np.log(0.02), np.log(0.1), n))
    fires = rng.random((ROWS, n)) < frequency
    codes = np.where(fires, rng.gamma(4.0, 0.5, fires.shape), 0)
    a, b = np.array(lengths).T
    return Dictionary((d * a[:, None], d * b[:, None]), codes, np.arange(n))


def measure(world: World, steps: int) -> dict[str, dict[str, Any]]:
    """By dictionary, what the evaluator says of it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rng = np.random.default_rng(9)
        rows = {k: summed(world.truth.codes, w, NOISE, rng) for k, w in
                zip((A, B), world.truth.W, strict=True)}  # fmt: skip
        store = write_rows(root / "acts.zarr", rows)
        scales = tuple(np.sqrt(WIDTH) / store.statistics(key).mean_norm for key in (A, B))
        given = {"truth": world.truth}
        if world.artefact is not None:
            given["artefact"] = world.artefact(world.truth, (scales[0], scales[1]))
        runs: dict[str, Callable[[Path], Evaluation]] = {
            name: lambda run, d=d: written(run, d, store, scales, CONFIG)  # type: ignore[misc]
            for name, d in given.items()
        }
        for name, settings in TRAINED.items():
            runs[name] = lambda run, s=settings: trained(  # type: ignore[misc]
                run, {**COMMON, **s}, store, steps, CONFIG
            )
        found = {}
        for name, make in runs.items():
            found[name] = describe(make(root / name), store, world.truth, scales)
            print(name, found[name], flush=True)
        return found


def describe(
    done: Evaluation, store: ActivationStore, truth: Dictionary, scales: tuple[float, ...]
) -> dict[str, Any]:
    """Headline numbers, what latent scaling says of exclusive latents, and what is true of them."""
    summary = done.summary
    out = {key: _rounded(summary[key]) for key in KEYS}
    checkpoint = Checkpoint.load(done.run.checkpoint)
    classes = np.asarray(done.latents.column("class"), dtype=np.str_)
    norms = sum(np.linalg.norm(w, axis=1) for w in checkpoint.W_dec)
    penalty = float(np.sum(np.nan_to_num(done.latents.column("mean_activation")) * norms))
    out["penalty"] = _rounded(penalty)
    out["l1_objective"] = _rounded(summary["mse_a"] + summary["mse_b"] + L1_COEFF * penalty)
    out |= _scaling(done, classes) | _elsewhere(done, store, checkpoint, classes, truth)
    return out | _found(checkpoint, classes, truth, scales)


def _scaling(done: Evaluation, classes: np.ndarray) -> dict[str, Any]:
    """Medians of ν over exclusive latents, each along its own source, and how many ν acquits."""
    a, b = classes == "a_only", classes == "b_only"
    nu = {
        name: np.concatenate(
            [done.latents.column(f"{name}_mirror")[a], done.latents.column(name)[b]]
        )
        for name in ("nu_error", "nu_reconstruction")
    }
    error, reconstruction = nu.values()
    specific = (np.abs(error) < NU_ERROR) & (np.abs(reconstruction) < NU_RECONSTRUCTION)
    return {
        "nu_error_exclusive": _rounded(np.median(error)) if len(error) else None,
        "nu_reconstruction_exclusive": _rounded(np.median(reconstruction)) if len(error) else None,
        "exclusive": len(error),
        "exclusive_by_nu": int(specific.sum()),
    }


def _elsewhere(
    done: Evaluation, store: ActivationStore, checkpoint: Checkpoint, classes: np.ndarray,
    truth: Dictionary,
) -> dict[str, Any]:  # fmt: skip
    """How much of what exclusive latents stand for the other source holds as well: the true ν.

    The concept of a latent is the one nearest to its decoder row, if the cosine is above 0.9. Of
    it, weighted by the latent's activation: Σ f·(length in the other) / Σ f·(length in its own).
    """
    start, stop = store.splits["heldout"][0]
    row, latent, activation = LatentTable.open(done.run.latents).entries(start, stop)
    f = np.zeros((stop - start, checkpoint.d_sae))
    f[row - start, latent] = activation
    presence = [truth.presence(m)[start:stop] * checkpoint.scale[m] for m in (0, 1)]
    shares = []
    for own, name in enumerate(("a_only", "b_only")):
        latents = np.flatnonzero(classes == name)
        rows = checkpoint.W_dec[own][latents].astype(np.float64)
        cosines = rows @ truth.directions(own).T / np.linalg.norm(rows, axis=1)[:, None]
        for j, of in zip(latents, cosines, strict=True):
            if of.max() > 0.9:
                held = [f[:, j] @ p[:, of.argmax()] for p in presence]
                shares.append(held[1 - own] / held[own])
    true = np.array(shares)
    return {
        "elsewhere_exclusive": _rounded(np.median(true)) if len(true) else None,
        "exclusive_true": int((true < NU_ERROR).sum()),
    }


def _found(
    checkpoint: Checkpoint, classes: np.ndarray, truth: Dictionary, scales: tuple[float, ...]
) -> dict[str, Any]:
    """Share of the true latents of each class that have a latent of that class."""
    rows = np.concatenate([w * c for w, c in zip(truth.W, scales, strict=True)], axis=1)
    a, b = (np.linalg.norm(w, axis=1) for w in truth.W)
    kinds = np.select([a == b, b == 0, a == 0], ["shared", "a_only", "b_only"], "other")
    alive = np.flatnonzero(classes != "dead")
    at = matched(rows, np.concatenate(checkpoint.W_dec, axis=1)[alive], np.ones(len(rows), bool))
    right = (at >= 0) & (classes[alive][at] == kinds)
    return {
        "found": {str(k): _rounded(right[kinds == k].mean()) for k in np.unique(kinds)},
    }


def _rounded(value: Any) -> Any:
    """Three decimals; more where a number below 1 would read as 1."""
    exact = value is None or isinstance(value, int)
    return value if exact else float(in_form(float(value), ".3f"))


if __name__ == "__main__":
    main()
