"""A wrong value is told by where it was given: the flag, or the line of pipeline.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from xc.cli.blame import configured
from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.harvesting import harvest_request
from xc.cli.main import build_app
from xc.cli.null_config import NullConfig
from xc.cli.pipeline_file import Pipeline
from xc.cli.sweeping import axes_of, members_of, sweep_configs
from xc.cli.training import train_config
from xc.store_schema import RequestError

FILE = "pipeline.yaml, train: "


def told(flags: Mapping[str, Any], **train: Any) -> str:
    pipeline = Pipeline(path=Path("pipeline.yaml"), sections={"train": train})
    with pytest.raises(RequestError) as caught:
        train_config(pipeline, flags)
    return str(caught.value)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"sparsity": "foo"}, "--sparsity: no 'foo'; known: batch_topk"),
        ({"k": 0, "seed": 3}, "--k must be a whole number of at least 1; got 0"),
        ({"preset": "foo"}, "--preset: no preset 'foo'; known: "),
        ({"expansion_factor": -1.0}, "--expansion-factor must be a number above 0; got -1.0"),
        ({"d_sae": 8, "expansion_factor": 2.0}, "--d-sae, --expansion-factor: give d_sae or"),
        ({"sparsity": "foo", "k": 0}, "--k must be"),
    ],
)
def test_of_a_flag_the_flag_is_named(flags: dict[str, Any], message: str) -> None:
    assert told(flags).startswith(message)
    assert told(flags, lr=0.1).startswith(message)


def test_of_the_file_the_file_is_named() -> None:
    assert told({}, sparsity="foo").startswith(FILE + "sparsity: no 'foo'")
    assert told({"k": 8, "seed": 1}, lr=-1).startswith(FILE + "lr must be a number above 0")


def test_a_flag_that_does_not_go_with_the_file_is_named() -> None:
    said = told({"d_sae": 32, "k": 8}, matryoshka=[64])
    assert said.startswith("--d-sae: matryoshka: a prefix of 64 latents is not below")
    assert told({"sparsity": "l1"}, code_norm="decoupled").startswith("--sparsity: code_norm")


def test_a_flag_that_a_message_only_lists_is_not_blamed() -> None:
    pipeline = Pipeline(path=Path("p.yaml"), sections={"null": {"kind": "foo"}})
    with pytest.raises(RequestError, match=r"^p.yaml, null: kind: no control .* seeds$"):
        configured(NullConfig, pipeline, "null", {"seeds": 1})


def test_swept_values_are_named_by_the_sweep() -> None:
    with pytest.raises(RequestError, match=r"^--sweep k=0: k must be a whole number"):
        members_of(Pipeline(), {}, axes_of(Pipeline(), ["k=4,0"]), folder=Path("nowhere"))
    with pytest.raises(RequestError, match=r"^p.yaml, sweep k=0: k must be a whole number"):
        sweep_configs(Pipeline(path=Path("p.yaml"), sweep={"k": [4, 0]}))


@pytest.mark.parametrize(
    ("cls", "stage", "flags", "message"),
    [
        (EvaluateOptions, "evaluate", {"scheduler": "foo"}, "--scheduler: unknown scheduler"),
        (EvaluateOptions, "evaluate", {"tile_rows": 0}, "--tile-rows: expected at least 1"),
        (NullConfig, "null", {"kind": ("nonsense",)}, "--kind: no control 'nonsense'; known: all"),
    ],
)
def test_other_stages(cls: type, stage: str, flags: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        configured(cls, Pipeline(), stage, flags)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("flags", "message"),
    [({"dtype": "foo"}, "--dtype: unknown dtype 'foo'"), ({"codec": "zip"}, "--codec: unknown"),
     ({"layers": ("6,",), "seq_len": 1}, "--seq-len must be")],
)  # fmt: skip
def test_of_a_harvest(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        harvest_request(Pipeline(), {"layers": ("1",), **flags}, ["zoo:base"])
    assert str(caught.value).startswith(message)


def test_typed(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump({"train": {"k": 0}}))
    words = ["train", "--sparsity", "foo", "--config", str(file)]
    done = CliRunner().invoke(build_app(words), words)
    assert done.stderr.startswith(f"xc: {file}, train: k must be a whole number")
    done = CliRunner().invoke(build_app(words), [*words, "--k", "4"])
    assert done.stderr == (
        "xc: --sparsity: no 'foo'; known: batch_topk, jumprelu, l1, none, topk\n"
    )
