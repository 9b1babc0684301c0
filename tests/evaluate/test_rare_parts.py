"""Latents that fire seldom in a role or part of the corpus, counted over rows enough: held against
the rows of the part alone, in memory and through `--keep`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pytest
from measured import Case

from xc.evaluate.intervals import UNDEFINED
from xc.store_schema import LatentTableWriter, RowFilter, RunLayout

N_SEQUENCES, LENGTH, D_SAE = 236, 1001, 60
EACH = LENGTH - 1
"""Rows of a sequence."""
HELD = range(12, N_SEQUENCES)
PARTS = ("web", "chat")
ROLES = {"user": 1, "assistant": 2, "template": 3}
COUNT = "n_rarer_1e-5"


def plan() -> Any:
    """A tenth of each sequence is template, half user, the rest assistant; documents of four
    sequences, of one part and the other by turns."""
    made = planted.make_plan(n_sequences=N_SEQUENCES, length=LENGTH, shard_rows=65_536)
    position, sequence = np.arange(len(made.token_ids)) % LENGTH, np.arange(N_SEQUENCES)
    role = np.select([position <= 100, position <= 600], [ROLES["template"], ROLES["user"]], 2)
    heldout = np.isin(sequence, HELD)
    return replace(
        made,
        split=heldout.astype(np.uint8),
        document=sequence // 4,
        role=role.astype(np.uint8),
        corpus_part=(sequence // 4 % 2).astype(np.uint8),
        corpus={**made.corpus, "parts": [{"name": name} for name in PARTS]},
        chunk_rows=8192,
    )


@cache
def fires() -> np.ndarray:
    """bool [held-out row, latent]: on one row in a million to one in a thousand, in bursts."""
    rng, n = np.random.default_rng(5), len(HELD) * EACH
    f = np.zeros((n, D_SAE), bool)
    for latent, rate in enumerate(np.geomspace(1e-6, 1e-3, D_SAE)):
        first = rng.integers(0, n - 40, rng.poisson(n * rate / 2))
        f[np.concatenate([first, first + 40]), latent] = True
    return f


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("rare")
    truth = planted.make_truth(1, widths=(2, 2), n_shared=D_SAE - 8)
    truth = replace(truth, codes=np.zeros((N_SEQUENCES * EACH, D_SAE), np.float32))
    store = planted.write_store(folder / "acts.zarr", truth, plan())
    checkpoint = planted.true_crosscoder(truth, store)
    run = RunLayout(folder / "run")
    checkpoint.save(run.checkpoint)
    f, keys = fires(), [source.key for source in checkpoint.sources]
    before = len(range(HELD.start)) * EACH
    with LatentTableWriter(
        run.latents, d_sae=D_SAE, checkpoint=checkpoint.fingerprint,
        store=store.fingerprint_of(keys), row_filter=RowFilter((), False),
    ) as table:  # fmt: skip
        for start, stop in store.blocks("heldout"):
            row, latent = np.nonzero(f[start - before : stop - before])
            strong = np.ones(len(row), np.float32)
            table.write(start, stop, row + start, latent.astype(np.int32), strong)
    return Case(truth, store, checkpoint, run)


@pytest.fixture(scope="module")
def found(case: Case) -> Mapping[str, Any]:
    return evaluated(case)


def evaluated(case: Case, **settings: object) -> Mapping[str, Any]:
    names = (COUNT, "n_rarer_1e-6")
    summary = case.evaluate(metrics=names, block_rows=65_536, tile_rows=8192, **settings).summary
    return dict(summary)


def rows_of(case: Case, part: str) -> np.ndarray:
    """bool [held-out row]"""
    (start, stop), *_ = case.store.splits["heldout"]
    kind, _, name = part.partition("_")
    column = getattr(case.store.rows, kind)[start:stop]
    return np.asarray(column == (ROLES[name] if kind == "role" else PARTS.index(name)))


MEASURED = ("role_user", "corpus_web", "corpus_chat")


@pytest.mark.parametrize("part", MEASURED)
def test_the_rows_of_the_part_alone_are_counted(
    case: Case, found: Mapping[str, Any], part: str
) -> None:
    often = fires()[rows_of(case, part)].mean(axis=0, dtype=np.float64)
    assert found[f"rows_{part}"] > 1e5
    assert found[f"{COUNT}_{part}"] == (often < 1e-5).sum()
    low, high = found[f"{COUNT}_{part}_ci"]
    assert low < found[f"{COUNT}_{part}"] < high <= D_SAE


def test_parts_differ(found: Mapping[str, Any]) -> None:
    assert len({found[f"{COUNT}_{part}"] for part in MEASURED} | {found[COUNT]}) > 2


@pytest.mark.parametrize(("part", "keep"), [("role_user", "user"), ("corpus_web", "corpus:web")])
def test_a_run_that_keeps_the_part_alone_says_the_same(
    case: Case, found: Mapping[str, Any], part: str, keep: str, tmp_path: Path
) -> None:
    alone = evaluated(replace(case, run=copied(case, tmp_path)), keep=(keep,))
    assert alone["rows"] == found[f"rows_{part}"]
    assert alone[COUNT] == found[f"{COUNT}_{part}"]
    if part == "role_user":  # every document has such rows: groups are the same, intervals too
        assert alone[f"{COUNT}_ci"] == found[f"{COUNT}_{part}_ci"]


def copied(case: Case, folder: Path) -> RunLayout:
    run = RunLayout(folder / "run")
    run.root.mkdir()
    for path in case.run.root.iterdir():
        if path != case.run.evaluation:
            (run.root / path.name).symlink_to(path)
    return run


def test_of_too_few_rows_there_is_none(found: Mapping[str, Any]) -> None:
    for key in (f"{COUNT}_role_template", "n_rarer_1e-6_role_user"):
        assert found[key] is None
        assert found[f"{key}_ci"] is None
        assert "fewer than 10^" in found["not_measured"][key]
        assert found["not_measured"][f"{key}_ci"] == UNDEFINED
