"""Reading an evaluation back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xc.evaluate import Evaluation
from xc.store_schema import DamageError, RequestError


def test_opens_what_was_written(case: Any, evaluation: Evaluation) -> None:
    opened = Evaluation.open(case.run.root)
    assert opened.summary == evaluation.summary
    frame = opened.latents.to_pandas()
    assert len(frame) == 18
    np.testing.assert_array_equal(frame["norm_a"], opened.latents.column("norm_a"))
    assert opened.examples.to_pandas()["tokens"].map(len).min() > 0


def test_a_run_that_was_not_evaluated_is_told(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="run `xc evaluate"):
        Evaluation.open(tmp_path)


def test_one_that_was_interrupted_is_told(tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    for name in ("summary.json", "latents.parquet"):
        (tmp_path / "evaluation" / name).write_text("{}")
    with pytest.raises(RequestError, match=r"was interrupted .* run the same `xc evaluate"):
        Evaluation.open(tmp_path)


def test_an_unknown_column_is_told(evaluation: Evaluation) -> None:
    with pytest.raises(RequestError, match="no column 'nu'"):
        evaluation.latents.column("nu")


def test_damage_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "evaluation"
    folder.mkdir()
    for name in ("summary.json", "latents.parquet", "provenance.json"):
        (folder / name).write_text("broken")
    damaged = Evaluation.open(tmp_path)
    with pytest.raises(DamageError, match=r"summary\.json"):
        _ = damaged.summary
    with pytest.raises(DamageError, match=r"latents\.parquet"):
        damaged.latents.to_arrow()
