"""A harvest's settings refuse what cannot be meant."""

from pathlib import Path

import pytest

from xc.harvest import HarvestConfig
from xc.harvest.config import as_tuples, split_tuple
from xc.store_schema import RequestError, field_docs, from_mapping, to_mapping


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("6,3", ("6,3",)),
        (6, ("6",)),
        (["0,0", "6,3"], ("0,0", "6,3")),
        ([[0, 0], [6, 3]], ("0,0", "6,3")),
        ([6], ("6",)),
    ],
)
def test_shapes_of_layers(written, meant):
    assert as_tuples(written) == meant


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ()}, "no layer given"),
        ({"layers": ("",)}, "no layer given"),
        ({"tokens": 0}, "tokens must be a whole number from 1"),
        ({"tokens": 1.5}, "tokens must be"),
        ({"batch_size": True}, "batch_size must be"),
        ({"seq_len": 1}, "seq_len must be"),
        ({"dtype": "float"}, "did you mean"),
        ({"codec": "bf61"}, "did you mean 'bf16'"),
        ({"heldout_fraction": 1.0}, "heldout_fraction"),
        ({"heldout_fraction": -0.1}, "heldout_fraction"),
        ({"shard_rows": 1000}, "multiple of chunk_rows"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(RequestError, match=message):
        HarvestConfig(**{"layers": ("6,3",), **changes})


def test_there_and_back():
    config = HarvestConfig(layers=("6,3",), store=Path("a.zarr"), seq_len=64)
    assert from_mapping(HarvestConfig, to_mapping(config), where="x") == config


def test_every_field_is_documented():
    assert set(field_docs(HarvestConfig)) == set(to_mapping(HarvestConfig(layers=("1",))))


def test_one_site_per_model():
    assert split_tuple("6, 3", n_models=2) == ("6", "3")
    with pytest.raises(RequestError, match=r"names 1 layer.* for 2 model"):
        split_tuple("6", n_models=2)
