"""Data sets of the Hub: pinned to a commit, streamed, refused in one line."""

import sys
from types import SimpleNamespace

import pytest

from xc.harvest import hub_dataset, open_corpus
from xc.store_schema import RequestError

ROWS = [{"id": 1, "text": "one"}, {"id": 2, "text": "two"}]


def test_unreachable(monkeypatch):
    monkeypatch.setattr(hub_dataset.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(hub_dataset, "reachable", lambda: False)
    with pytest.raises(RequestError, match="cannot be reached"):
        open_corpus("someone/some-text")


def test_not_installed(monkeypatch):
    monkeypatch.setattr(hub_dataset.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"xcdiff\[hub\]"):
        open_corpus("someone/some-text")


@pytest.fixture
def stand_in(monkeypatch):
    """The two calls that reach the network, answered here."""
    asked = {}

    def load_dataset(name, **how):
        asked.update(name=name, **how)
        return iter(ROWS)

    class Api:
        def dataset_info(self, reference):
            return SimpleNamespace(sha="c0ffee")

    monkeypatch.setattr(hub_dataset, "reachable", lambda: True)
    monkeypatch.setattr(hub_dataset.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(hub_dataset.huggingface_hub, "HfApi", Api)
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    return asked


def test_streamed_at_its_commit(stand_in):
    corpus = open_corpus("someone/some-text")
    assert corpus.fingerprint == "someone/some-text@c0ffee:train"
    assert stand_in == {}
    assert list(corpus.documents()) == ["one", "two"]
    assert stand_in["revision"] == "c0ffee"
    assert stand_in["streaming"] is True
