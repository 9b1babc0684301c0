"""Options that play no part: typed ones are refused, a file's are named, defaults are quiet."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from xc.cli.idle_options import idle_in_file, refuse_idle
from xc.cli.main import build_app
from xc.cli.pipeline_file import Pipeline, load_pipeline
from xc.cli.sweeping import axes_of, members_of
from xc.cli.training import train_config
from xc.store_schema import ActivationStore, RequestError


def refused(flags: dict[str, Any], file: Pipeline | None = None) -> None:
    refuse_idle(flags, [train_config(file or Pipeline(), flags)])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"l1_coeff": 1.0}, "--l1-coeff plays no part with --sparsity batch_topk"),
        ({"sparsity": "l1", "k": 32}, "--k plays no part with --sparsity l1; leave it out, or use"),
        ({"preset": "kissane", "k": 32}, "--k plays no part with --sparsity l1"),
        ({"sparsity": "l1", "shared_penalty": 0.1}, "without --shared-fraction"),
        ({"tanh_scale": 1.0}, "use --sparsity jumprelu"),
        ({"auxk_k": 8, "auxk_coeff": 0.0}, "--auxk-k plays no part without --auxk-coeff above 0"),
        ({"matryoshka_reduction": "sum"}, "without --matryoshka;"),
    ],
)
def test_a_typed_option_without_a_part_is_refused(flags: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        refused(flags)


def test_presets_and_defaults_never_complain() -> None:
    for flags in ({}, {"sparsity": "l1"}, {"preset": "minder-l1"}, {"preset": "dfc", "k": 8}):
        refused(flags)


def test_it_ends_with_status_2_and_nothing_written(
    planted_store: ActivationStore, tmp_path: Path
) -> None:
    words = ["train", "--store", str(planted_store.path), "--run", str(tmp_path / "run")]
    done = CliRunner().invoke(build_app(["train"]), [*words, "--l1-coeff", "2"])
    assert done.exit_code == 2
    assert "--l1-coeff plays no part" in done.stderr
    assert not (tmp_path / "run").exists()


def _file(folder: Path, train: dict[str, Any]) -> Pipeline:
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump({"train": train}))
    return load_pipeline(path)


def test_a_file_is_warned_of_what_it_contradicts_itself(tmp_path: Path) -> None:
    file = _file(tmp_path, {"sparsity": "l1", "k": 32, "lr": 0.1})
    refused({}, file)
    (line,) = idle_in_file(file, [train_config(file, {})])
    assert line.startswith("warning: ")
    assert "pipeline.yaml, train: --k plays no part with --sparsity l1" in line
    topk = {"sparsity": "topk"}
    assert idle_in_file(file, [train_config(file, topk)]) == []


def test_what_flags_leave_without_a_part_in_a_file_is_no_matter(tmp_path: Path) -> None:
    file = _file(tmp_path, {"k": 32})
    assert idle_in_file(file, [train_config(file, {"sparsity": "l1"})]) == []


def _members(*words: str, **flags: Any) -> list[str]:
    axes = axes_of(Pipeline(), words)
    return [m.name for m in members_of(Pipeline(), flags, axes, folder=Path("runs/s"))]


def test_a_flag_of_a_sweep_needs_a_part_in_one_run() -> None:
    assert len(_members("sparsity=l1,topk", k=8, l1_coeff=1.0)) == 2
    with pytest.raises(RequestError, match="--tanh-scale plays no part"):
        _members("sparsity=l1,topk", tanh_scale=1.0)


def test_a_swept_option_needs_a_part_in_all() -> None:
    with pytest.raises(RequestError, match=r"--sweep sparsity=l1,k=8: --k plays no part"):
        _members("sparsity=l1,topk", "k=8,16")
