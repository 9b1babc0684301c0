"""Reading pipeline.yaml: flags win, unknown keys are refused with a suggestion."""

import re
from dataclasses import fields
from itertools import product
from pathlib import Path

import pytest

from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.harvesting import harvest_request
from xc.cli.null_config import NullConfig
from xc.cli.pipeline_file import Pipeline, load_pipeline
from xc.cli.training import train_config
from xc.evaluate import EvaluateConfig
from xc.harvest import HarvestConfig
from xc.store_schema import RequestError, from_mapping
from xc.train import TrainConfig


def _write(folder: Path, text: str) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(text)
    return path


def test_flags_win_over_the_file_and_the_file_over_nothing(tmp_path):
    path = _write(tmp_path, "train: {k: 8, lr: 0.1}\n")
    values = load_pipeline(path).section("train", {"k": 16, "seed": None})
    assert values == {"k": 16, "lr": 0.1}


def test_without_a_file_there_are_only_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_pipeline(None) == Pipeline()


def test_the_file_in_the_current_folder_is_found(tmp_path, monkeypatch):
    _write(tmp_path, "store: here.zarr\nrun: runs/x\n")
    monkeypatch.chdir(tmp_path)
    pipeline = load_pipeline(None)
    assert (pipeline.store, pipeline.run) == (Path("here.zarr"), Path("runs/x"))


def test_hyphens_in_keys_are_the_option_names(tmp_path):
    path = _write(tmp_path, "harvest: {seq-len: 64}\n")
    assert load_pipeline(path).section("harvest", {}) == {"seq_len": 64}


@pytest.mark.parametrize("key", ["null", '"null"', "~"])
def test_the_section_null_is_read_as_it_is_written(tmp_path, key):
    path = _write(tmp_path, f"{key}: {{tokens: 100}}\n")
    assert load_pipeline(path).section("null", {"seed": 1}) == {"tokens": 100, "seed": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("harvset: {}\n", "unknown key 'harvset'; did you mean 'harvest'"),
        ("train: [1]\n", "'train' should be a mapping"),
        ("- a\n", "expected a mapping, found list"),
        ("a: [\n", "not readable as YAML"),
        ("store: [1]\n", "store: expected a folder or URL, found [1]"),
        ("run: 7\n", "run: expected a folder or URL, found 7"),
        ("a: !!python/object/apply:os.system ['true']\n", "not readable as YAML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, message):
    with pytest.raises(RequestError, match=message.replace("[", r"\[")) as caught:
        load_pipeline(_write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_named_file_that_is_missing(tmp_path):
    with pytest.raises(RequestError, match="no such file"):
        load_pipeline(tmp_path / "absent.yaml")


def test_the_example_at_the_top_fits_the_stages():
    pipeline = load_pipeline(Path(__file__).parents[2] / "pipeline.yaml")
    harvest = pipeline.section("harvest", {})
    assert harvest.pop("models") == ["gpt2", "distilgpt2"]
    assert from_mapping(HarvestConfig, harvest, where="x").layers == ("6,3",)
    assert TrainConfig.resolve(pipeline.section("train", {})).expansion_factor == 8
    from_mapping(EvaluateConfig, pipeline.section("evaluate", {}), where="x")


def _resolved(folder: Path, flags: dict[str, object]) -> TrainConfig:
    """What `run_train` makes of flags over a file that sets a size and a sparsity."""
    pipeline = load_pipeline(
        _write(folder, "train: {sparsity: batch_topk, expansion_factor: 8, k: 64}\n")
    )
    return train_config(pipeline, flags)


def test_a_size_given_by_flag_replaces_that_of_the_file(tmp_path):
    config = _resolved(tmp_path, {"d_sae": 512})
    assert (config.d_sae, config.expansion_factor, config.k) == (512, None, 64)


def test_a_preset_given_by_flag_replaces_the_recipe_of_the_file(tmp_path):
    config = _resolved(tmp_path, {"preset": "kissane"})
    assert (config.sparsity, config.d_sae, config.l1_coeff) == ("l1", 16384, 2.0)


def test_a_data_set_may_be_a_mapping(tmp_path):
    text = """harvest: {layers: ["1"], dataset: [
      {name: owner/web, config: en, split: train, revision: main, weight: 0.5},
      "chat.jsonl:0.5"]}"""
    values = load_pipeline(_write(tmp_path, text)).section("harvest", {})
    config = from_mapping(HarvestConfig, values, where="x")
    assert config.dataset == ("owner/web@main?config=en&split=train:0.5", "chat.jsonl:0.5")
    alone = {"layers": ["1"], "dataset": {"name": "zoo:stdlib"}}
    assert from_mapping(HarvestConfig, alone, where="x").dataset == ("zoo:stdlib",)


def test_a_store_may_be_a_url(tmp_path):
    store = load_pipeline(_write(tmp_path, "store: memory://bucket/acts.zarr\n")).store
    assert str(store) == "memory://bucket/acts.zarr"
    config = from_mapping(HarvestConfig, {"layers": ["1"], "store": store}, where="x")
    assert config.store == store


WRONG = ("abc", 1.5, True, [1, "a"], [[1]], [None], {"a": 1}, None, float("nan"), {}, [])


@pytest.mark.parametrize(
    ("config", "needed"),
    [(HarvestConfig, {"layers": ["1"]}), (TrainConfig, {}), (EvaluateOptions, {}),
     (NullConfig, {})],
)  # fmt: skip
def test_values_of_any_kind_are_taken_or_refused_in_words_of_our_own(config, needed):
    for name, value in product((f.name for f in fields(config)), WRONG):
        said = refusal(config, {**needed, name: value})
        # What Python says of a value that it cannot use.
        assert not re.search("not supported|object|hashable|attribute|argument", said)
        told = (name, name.replace("_", " "), "layer", "data set", "folder or URL")
        assert not said or any(words in said for words in told)


def refusal(config, values):
    try:
        from_mapping(config, values, where="x")
    except RequestError as error:
        return str(error)
    return ""


def test_a_role_alone_is_no_list_of_letters():
    values = {"layers": ["1"], "exclude": "user"}
    assert from_mapping(HarvestConfig, values, where="x").exclude == ("user",)


@pytest.mark.parametrize("values", [{"preset": [1]}, {"sparsity": [1]}])
def test_recipes_of_any_kind_are_refused(values):
    with pytest.raises(RequestError, match=r"no (preset )?'\[1\]'"):
        TrainConfig.resolve({}, beneath=values)


def test_models_are_words_or_a_list_of_them():
    for models in (None, [None], {"a": "b"}):
        pipeline = Pipeline(sections={"harvest": {"models": models, "layers": ["1"]}})
        with pytest.raises(RequestError, match="models: expected text, or a list of texts, found"):
            harvest_request(pipeline, {}, None)
