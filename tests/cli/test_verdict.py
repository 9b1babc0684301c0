"""The last line of `xc verify`."""

from pathlib import Path

from xc.cli.verdict import controls_kept, controls_of, shards_of, verdict
from xc.store_schema.problem import Problem
from xc.store_schema.verify_nulls import UNFINISHED


def test_shards_are_named_once():
    problems = [
        Problem("activations/gpt2@6/c/3/0", "checksum"),
        Problem("norms/gpt2@6/c/3", "checksum"),
        Problem("activations/gpt2@6/c/12/0", "gone"),
        Problem("zarr.json", "incomplete"),
    ]
    assert shards_of(problems) == [("gpt2@6", 3), ("gpt2@6", 12)]
    line = verdict(problems)
    assert line.startswith("4 problems, listed above by file; shards 3 of gpt2@6, 12 of gpt2@6: ")
    assert "xc harvest" in line


def test_what_is_no_shard_is_only_counted():
    assert verdict([Problem("checkpoint", "bad")]) == "1 problem, listed above by file"


def test_many_shards_are_cut_short():
    problems = [Problem(f"activations/a@1/c/{i}/0", "gone") for i in range(20)]
    assert "and 12 more" in verdict(problems)


def test_null_controls_are_mended_by_xc_null():
    problems = [
        Problem("nulls/permuted/store.zarr/activations/a@1/c/3/0", "checksum"),
        Problem("nulls/permuted/run/checkpoint", "gone"),
        Problem("nulls/identical/run", UNFINISHED),
        Problem("evaluation/nulls/reproduced.parquet", "gone"),
    ]
    assert shards_of(problems) == []
    assert controls_of(problems) == ["nulls/permuted"]
    assert verdict(problems) == (
        "4 problems, listed above by file; null controls are mended by deleting nulls/permuted and "
        "evaluation/nulls.json, and running `xc null` again: others are not trained again"
    )
    assert controls_of([p.within("sweep/k=8") for p in problems]) == ["sweep/k=8/nulls/permuted"]


def test_controls_are_counted_in_runs_and_in_folders_of_runs(tmp_path: Path):
    run = tmp_path / "run"
    for name in (".", "nulls/identical/run", "nulls/permuted/run"):
        (run / name).mkdir(parents=True, exist_ok=True)
        (run / name / "config.yaml").write_text("train: {}\n")
    assert controls_kept(str(run)) == ", with 2 runs and 0 stores of null controls"
    (run / "nulls" / "permuted" / "store.zarr").mkdir()
    for path in (run, tmp_path):
        assert controls_kept(str(path)) == ", with 2 runs and 1 store of null controls"
    assert controls_kept(str(run / "nulls")) == controls_kept("s3://bucket/acts.zarr") == ""
