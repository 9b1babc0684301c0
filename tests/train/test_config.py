"""Resolving a request: what wins over what, and what is refused in one line."""

import dataclasses
from typing import Any

import pytest

from xc.store_schema import RequestError, field_docs, to_mapping
from xc.train import TrainConfig


def test_explicit_values_win_over_the_preset_and_the_preset_over_defaults() -> None:
    config = TrainConfig.resolve({"preset": "kissane", "lr": 0.5, "batch_size": 8})
    assert (config.lr, config.batch_size, config.l1_coeff, config.log_every) == (0.5, 8, 2.0, 50)


def test_one_way_of_giving_the_size_replaces_the_other_of_the_preset() -> None:
    assert TrainConfig.resolve({"preset": "kissane", "expansion_factor": 4}).d_sae is None
    assert TrainConfig.resolve({"preset": "minder-l1", "d_sae": 512}).expansion_factor is None


def test_flags_win_over_a_file_with_what_they_imply() -> None:
    file = {"sparsity": "batch_topk", "expansion_factor": 8, "k": 32, "log_every": 7}
    assert TrainConfig.resolve({"d_sae": 64}, beneath=file).expansion_factor is None
    kissane = TrainConfig.resolve({"preset": "kissane"}, beneath=file)
    assert (kissane.sparsity, kissane.d_sae, kissane.log_every) == ("l1", 16384, 7)
    minder = TrainConfig.resolve({"preset": "minder-batchtopk", "lr": 1.0}, beneath=file)
    assert (minder.k, minder.expansion_factor, minder.lr) == (100, 32, 1.0)
    in_file = TrainConfig.resolve({"k": 9}, beneath={"preset": "minder-batchtopk", "lr": 0.5})
    assert (in_file.k, in_file.lr, in_file.init_norm) == (9, 0.5, 1.0)


@pytest.mark.parametrize("preset", [None, "kissane", "minder-l1", "minder-batchtopk"])
def test_a_written_configuration_resolves_to_itself(preset: str | None) -> None:
    config = TrainConfig.resolve({"preset": preset, "tokens": 10**6})
    assert TrainConfig.resolve(to_mapping(config)) == config


def test_plain_defaults_of_the_sparsities_without_a_budget_leave_auxk_out() -> None:
    for sparsity in ("l1", "jumprelu", "none"):
        assert TrainConfig.resolve({"sparsity": sparsity}).auxk_coeff == 0
    for sparsity in ("batch_topk", "topk"):
        assert TrainConfig.resolve({"sparsity": sparsity}).auxk_coeff == 1 / 32
    assert TrainConfig.resolve({"sparsity": "l1", "auxk_coeff": 0.5}).auxk_coeff == 0.5


def test_the_order_of_rows_has_its_own_seed() -> None:
    assert TrainConfig.resolve({"seed": 5}).shuffle_seed == 0
    assert TrainConfig.resolve({"preset": "kissane"}).shuffle_seed == 49


def test_a_preset_that_was_named_but_not_applied_is_refused() -> None:
    with pytest.raises(RequestError, match=r"TrainConfig\.resolve"):
        TrainConfig(preset="kissane")


def test_sources_come_as_a_list_or_as_words() -> None:
    for given in ("a@1,b@2", ["a@1", "b@2"], ("a@1", "b@2")):
        assert TrainConfig.resolve({"sources": given}).sources == ("a@1", "b@2")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tokns": 3}, "did you mean 'tokens'"),
        ({"preset": "kisane"}, "did you mean 'kissane'"),
        ({"preset": "minder"}, "did you mean 'minder-batchtopk' or 'minder-l1'"),
        ({"sparsity": "l0"}, "sparsity: no 'l0'"),
        ({"k": 0}, "k must be a whole number of at least 1"),
        ({"k": 2.5}, "k must be a whole number"),
        ({"tokens": "1e6"}, "tokens must be a whole number"),
        ({"tokens": None}, "tokens needs a value"),
        ({"tokens": 5, "batch_size": 64}, "make no batch of 64"),
        ({"lr": 0}, "lr must be a number above 0"),
        ({"lr": float("nan")}, "lr must be a number"),
        ({"l1_coeff": -1}, "l1_coeff must be a number not below 0"),
        ({"lr_decay": 1.5}, "lr_decay must be a fraction"),
        ({"d_sae": 8, "expansion_factor": 2}, "not both"),
        ({"until_fve": 1.0}, "until_fve must be below 1"),
        ({"log_every": True}, "log_every must be a whole number"),
        ({"code_norm": "l2"}, "code_norm: no 'l2'"),
        ({"code_norm": "decoupled", "sparsity": "topk"}, "decoupled needs sparsity batch_topk"),
        ({"matryoshka": "8,4"}, "matryoshka must be ascending sizes above 0; got 8,4"),
        ({"matryoshka": "0,4"}, "matryoshka must be ascending"),
        ({"matryoshka": "4,64", "d_sae": 64}, "is not below the dictionary of 64"),
        ({"matryoshka": "a"}, "matryoshka: expected a whole number, found 'a'"),
        ({"source_weights": "1,-1"}, "source_weights must be numbers not below 0; got 1.0,-1.0"),
        ({"source_weights": "0,0"}, "nothing to learn"),
        ({"source_weights": "1", "sources": "a@1,b@2"}, "one number for each of 2 sources"),
        ({"source_weights": "nan,1"}, "source_weights must be numbers"),
        ({"exclusive": "0.6,0.6"}, "take 1.2 of the dictionary"),
        ({"exclusive": "0.1,0.1", "matryoshka": "4"}, "both order the latents"),
        ({"shared_fraction": 1.5}, "shared_fraction must be a fraction"),
        ({"jumprelu_bandwidth": 0}, "jumprelu_bandwidth must be a number above 0"),
        ({"matryoshka_reduction": "max"}, "matryoshka_reduction: no 'max'"),
        ({"init_encoder": "tied"}, "init_encoder: no 'tied'"),
        ({"track": "mlflow"}, "track: no 'mlflow'"),
        ({"grad_accumulation": 0}, "grad_accumulation must be a whole number of at least 1"),
    ],
)
def test_refused_in_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=r"^train: ") as caught:
        TrainConfig.resolve(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_field_has_a_help_line() -> None:
    docs = field_docs(TrainConfig)
    assert [f.name for f in dataclasses.fields(TrainConfig) if not docs.get(f.name)] == []
