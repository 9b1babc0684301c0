"""examples.parquet against the latents and the text, row by row."""

from itertools import groupby
from typing import Any

import numpy as np
import pytest

from xc.evaluate import Evaluation
from xc.evaluate.examples.choice import choose_latents
from xc.evaluate.facts import Facts

Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows(evaluation: Evaluation) -> list[Row]:
    return list(evaluation.examples.to_arrow().to_pylist())


@pytest.fixture(scope="module")
def dense(case: Any) -> np.ndarray:
    """Latents of all rows (zero where not held out)."""
    (start, stop), *_ = case.store.splits["heldout"]
    f = np.zeros((case.store.n_rows, case.checkpoint.d_sae), np.float32)
    raw = [case.store.activations(s.key)[start:stop] for s in case.checkpoint.sources]
    f[start:stop] = case.checkpoint.encode(raw)
    return f


def test_the_strongest_rows_one_per_sequence(rows: list[Row], dense: np.ndarray, case: Any) -> None:
    sequence = case.store.rows.sequence[:]
    for latent, group in groupby(rows, key=lambda r: r["latent"]):
        listed = list(group)
        assert [r["rank"] for r in listed] == list(range(len(listed)))
        best = {}
        for row in np.argsort(-dense[:, latent], kind="stable"):
            if dense[row, latent] > 0:
                best.setdefault(int(sequence[row]), int(row))
        assert [r["row"] for r in listed] == list(best.values())[:10]
        assert [r["activation"] for r in listed] == pytest.approx(
            [dense[r["row"], latent] for r in listed], rel=1e-4
        )


def test_tokens_and_activations_stand_at_their_positions(
    rows: list[Row], dense: np.ndarray, case: Any
) -> None:
    store = case.store
    sequence, position = store.rows.sequence[:], store.rows.position[:]
    for row in rows[::7]:
        ids = store.sequences.tokens(row["sequence"])
        first = row["position"] - row["center"]
        around = range(first, first + len(row["tokens"]))
        assert first == max(row["position"] - 12, 0)
        assert around.stop == min(row["position"] + 7, len(ids))
        assert row["tokens"] == [store.vocabulary.piece(ids[p]) for p in around]
        for p, value in zip(around, row["activations"], strict=True):
            there = np.flatnonzero((sequence == row["sequence"]) & (position == p))
            assert value == pytest.approx(dense[there, row["latent"]].sum(), rel=1e-4)


def test_every_class_is_shown_in_order(rows: list[Row], case: Any) -> None:
    shown = [case.truth.kind[latent] for latent, _ in groupby(rows, key=lambda r: r["latent"])]
    assert shown == ["shared"] * 10 + ["a_only"] * 4 + ["b_only"] * 4


def test_exclusive_latents_come_by_nu_and_dead_ones_not_at_all() -> None:
    class Fixed:
        """Norms of three B-only latents."""

        norms = np.tile([0.0, 1.0], (4, 1))
        d_sae = 4
        n_sources = 2

    nu = np.zeros((4, 1, 2))
    nu[:, 0, 0] = [0.9, 0.1, np.nan, 0.5]
    facts = Facts(Fixed()).with_value("frequency", np.array([0.1, 0.1, 0.0, 0.1]))  # type: ignore[arg-type]
    classes = np.array([["b_only"], ["b_only"], ["dead"], ["b_only"]])
    for name, value in (
        ("mean_activation", np.ones(4)), ("class", classes),
        ("nu_error", nu), ("nu_reconstruction", nu),
    ):  # fmt: skip
        facts = facts.with_value(name, value)
    assert choose_latents(facts, per_class=2).tolist() == [1, 3]
    assert choose_latents(facts, per_class=9).tolist() == [1, 3, 0]
