"""Model references: names for keys, folders before Hub ids, revisions, twins."""

import pytest

from xc.harvest import ModelRef, resolve_models
from xc.store_schema import RequestError


def test_hub_ids():
    small, gemma = resolve_models(["gpt2", "google/gemma-2-2b@abc"])
    assert small == ModelRef("gpt2", "gpt2", "gpt2", None)
    assert gemma == ModelRef("google/gemma-2-2b", "google--gemma-2-2b", "google/gemma-2-2b", "abc")


def test_a_folder_goes_by_its_last_component(tmp_path):
    folder = tmp_path / "runs" / "final"
    folder.mkdir(parents=True)
    (ref,) = resolve_models([str(folder)])
    assert ref == ModelRef("final", "final", folder.resolve(), None)


def test_a_folder_wins_over_a_hub_id(tmp_path, monkeypatch):
    (tmp_path / "gpt2").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve_models(["gpt2"])[0].location == (tmp_path / "gpt2").resolve()


def test_the_same_model_twice_is_one(tmp_path):
    (tmp_path / "m").mkdir()
    a, b, c = resolve_models([str(tmp_path / "m"), f"{tmp_path}/./m/", "gpt2"])
    assert a == b
    assert a != c


def test_namesakes_are_numbered(tmp_path):
    for parent in "xyz":
        (tmp_path / parent / "m").mkdir(parents=True)
    refs = resolve_models([str(tmp_path / parent / "m") for parent in "xyxz"])
    assert [r.name for r in refs] == ["m", "m~2", "m", "m~3"]


def test_revisions_are_different_models():
    refs = resolve_models(["gpt2@one", "gpt2@two", "gpt2@one"])
    assert [r.name for r in refs] == ["gpt2", "gpt2~2", "gpt2"]


@pytest.mark.parametrize("reference", ["./absent", "/no/such/folder", "a/b/c", "", "two words"])
def test_refused(reference):
    with pytest.raises(RequestError, match="no such folder"):
        resolve_models([reference])
