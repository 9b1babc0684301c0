"""Tables are read no further than asked for: what is ruined elsewhere in the file is not missed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from ruined import ruin
from typer.testing import CliRunner

from xc.cli.main import build_app
from xc.evaluate import Evaluation
from xc.evaluate.evaluation import Table
from xc.evaluate.latent_list import list_latents
from xc.store_schema import DamageError, RequestError, RunLayout

GROUP = 3
"""Rows of a row group: the 18 latents of the case are in six."""


@pytest.fixture
def copied(evaluation: Evaluation, tmp_path: Path) -> Evaluation:
    """The evaluation elsewhere, its latents in many row groups, those of a class side by side."""
    shutil.copytree(evaluation.run.root, tmp_path / "run")
    run = RunLayout(tmp_path / "run")
    table = evaluation.latents.to_arrow().sort_by([("class", "ascending"), ("latent", "ascending")])
    pq.write_table(table, run.latents_parquet, row_group_size=GROUP)
    return Evaluation.open(run.root)


def test_a_column_is_read_alone(evaluation: Evaluation, copied: Evaluation) -> None:
    path, expected = copied.run.latents_parquet, evaluation.latents.to_pandas()
    ruin(path, columns=set(copied.latents.names) - {"latent", "norm_a"})
    latents = Evaluation.open(copied.run.root).latents
    order = latents.column("latent")
    np.testing.assert_array_equal(latents.column("norm_a"), expected["norm_a"].to_numpy()[order])
    assert (latents.names, latents.n_rows) == (list(expected), len(expected))
    for fails in (latents.to_arrow, latents.to_pandas, lambda: latents.column("norm_b")):
        with pytest.raises(DamageError, match=r"latents\.parquet: unreadable .* again"):
            fails()


def test_row_groups_without_a_row_asked_for_are_not_read(
    evaluation: Evaluation, copied: Evaluation
) -> None:
    kinds = copied.latents.column("class")
    groups = range(0, len(kinds), GROUP)
    others = [i for i, a in enumerate(groups) if "shared" not in kinds[a : a + GROUP]]
    assert 0 < len(others) < len(groups)
    ruin(copied.run.latents_parquet, columns=copied.latents.names, groups=others)
    frame = evaluation.latents.to_pandas()
    expected = frame.loc[frame["class"] == "shared", "cosine"]
    found = copied.latents.to_arrow(["cosine"], where=pc.field("class") == "shared")
    assert found.column_names == ["cosine"]
    np.testing.assert_array_equal(found["cosine"], expected)
    with pytest.raises(DamageError):
        copied.latents.to_arrow(["cosine"])


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["--columns", "norm_b"], {"latent", "norm_b"}),
        (["--columns", "norm_b", "--sort", "norm_a"], {"latent", "norm_a", "norm_b"}),
        (["--columns", "norm_b", "--class", "b_only"], {"latent", "norm_b", "class"}),
        (["--class", "dead", "--columns", "latent"], {"latent", "class"}),
    ],
)
def test_xc_latents_reads_what_it_shows_sorts_and_filters_by(
    evaluation: Evaluation, copied: Evaluation, words: list[str], read: set[str]
) -> None:
    typed = ["latents", str(evaluation.run.root), "--json", *words]
    expected = CliRunner().invoke(build_app(["latents"]), typed)
    ruin(copied.run.latents_parquet, columns=set(copied.latents.names) - read)
    typed[1] = str(copied.run.root)
    found = CliRunner().invoke(build_app(["latents"]), typed)
    assert (found.exit_code, found.stderr) == (0, "")
    assert json.loads(found.stdout) == json.loads(expected.stdout)
    ruin(copied.run.latents_parquet, columns={"latent"})
    failed = CliRunner().invoke(build_app(["latents"]), typed)
    assert (failed.exit_code != 0, failed.stderr.count("\n")) == (True, 1)


def test_xc_latents_of_a_class_reads_no_row_group_of_others(
    evaluation: Evaluation, copied: Evaluation
) -> None:
    kinds = copied.latents.column("class")
    others = [i for i in range(len(kinds) // GROUP) if "b_only" not in kinds[GROUP * i :][:GROUP]]
    assert others
    ruin(copied.run.latents_parquet, columns=copied.latents.names, groups=others)
    found = list_latents(Evaluation.open(copied.run.root), kind="b_only", sort="nu_error")
    assert found.equals(list_latents(evaluation, kind="b_only", sort="nu_error"))
    with pytest.raises(DamageError):
        list_latents(Evaluation.open(copied.run.root), kind="shared")


def test_it_is_the_same_as_of_the_whole_table(evaluation: Evaluation) -> None:
    whole = evaluation.latents.to_arrow()
    assert evaluation.latents.names == whole.column_names
    assert evaluation.latents.n_rows == whole.num_rows
    for name in whole.column_names:
        assert evaluation.latents.to_arrow([name]).equals(whole.select([name]))
        assert evaluation.latents.is_empty(name) == (whole[name].null_count == len(whole))
    assert any(map(evaluation.latents.is_empty, whole.column_names))
    for ask in (evaluation.latents.is_empty, lambda name: evaluation.latents.to_arrow([name])):
        with pytest.raises(RequestError, match="no column 'nu'"):
            ask("nu")


@pytest.mark.parametrize("statistics", [True, False])
def test_empty_columns_are_known_without_statistics_too(tmp_path: Path, *, statistics: bool):
    some = pa.array([None, 1.0, None, None])
    written = pa.table({"none": pa.nulls(4, pa.float64()), "some": some})
    pq.write_table(written, tmp_path / "t.parquet", row_group_size=2, write_statistics=statistics)
    if statistics:
        ruin(tmp_path / "t.parquet", columns=["none", "some"])
    table = Table(tmp_path / "t.parquet")
    assert (table.is_empty("none"), table.is_empty("some")) == (True, False)
