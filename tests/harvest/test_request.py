"""What decides a store's text, and how two requests differ."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from xc.harvest import Corpus, HarvestConfig
from xc.harvest.request import check_same_text, text_request
from xc.store_schema import RequestError

TOKENIZER = SimpleNamespace(hash="h", probe="p")
CORPUS = Corpus("text", "f", list)


def limited(positions):
    return SimpleNamespace(max_positions=positions, ref=SimpleNamespace(name="m"))


def request(**changes):
    return text_request(HarvestConfig(layers=("1",), **changes), [limited(None)], None)


def stored(**changes):
    return {
        "tokenizer": {"hash": "h", "probe": "p"},
        "corpus": {"fingerprint": "f"},
        "config": {**request().to_mapping(), **changes},
    }


@pytest.mark.parametrize(
    ("limits", "seq_len", "expected"),
    [([None], None, 256), ([1024, 64], None, 64), ([1024], 1000, 1000), ([None], 5000, 5000)],
)
def test_sequence_length(limits, seq_len, expected):
    config = HarvestConfig(layers=("1",), seq_len=seq_len)
    assert text_request(config, [limited(n) for n in limits], None).seq_len == expected


def test_an_open_length_is_the_stores():
    config = HarvestConfig(layers=("1",))
    assert text_request(config, [limited(1024)], stored(seq_len=99)).seq_len == 99
    with pytest.raises(RequestError, match="64 positions of m"):
        text_request(config, [limited(64)], stored(seq_len=99))


def check(held, **changes):
    how = {"request": request(), "corpus": CORPUS, "tokenizer": TOKENIZER, **changes}
    check_same_text(Path("acts.zarr"), held, **how)


def test_the_same():
    check(stored())
    check(stored(batch_size=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"request": request(tokens=5)}, r"acts\.zarr .* tokens 1000000, now 5"),
        ({"request": request(text_column="body")}, "text_column None, now body"),
        ({"corpus": Corpus("text", "g", list)}, "the data set"),
        ({"tokenizer": SimpleNamespace(hash="h", probe="q")}, "the tokenizer"),
    ],
)
def test_differences(changes, message):
    with pytest.raises(RequestError, match=message):
        check(stored(), **changes)
