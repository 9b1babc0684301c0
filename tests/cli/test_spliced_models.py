"""Models of a store's sources, found again: pinned on the hub, by folder where given."""

from pathlib import Path
from typing import Any

import pytest
import tiny_harvest

from xc.cli.spliced_models import check_given, model_of
from xc.store_schema import RequestError, Source, source_key
from xc.zoo import model_folder

DIGEST = "sha256:0123456789abcdef"
COMMIT, OTHER = "a" * 40, "b" * 40


def source(model: str, revision: str | None, *, name: str = "") -> Source:
    key = source_key(name or model, "1")
    return Source(key, model, revision, 1, "residual", "input of h.1", 8, "float32", "0" * 64)


def found(of: Source, given: Any = (), usual: Any = ()) -> Any:
    return model_of(of, given=given, usual=usual)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_harvest.save_model(tmp_path / "mine", "gpt2")
    return tmp_path / "mine"


def test_hub_models_are_pinned_to_what_was_harvested():
    ref = found(source("google/gemma-2-2b", COMMIT))
    assert (ref.location, ref.revision) == ("google/gemma-2-2b", COMMIT)
    later = found(source("gpt2", COMMIT), usual=["gpt2"])
    assert later.revision == COMMIT


def test_what_is_given_comes_first():
    assert found(source("gpt2", COMMIT), given=["gpt2@other"]).revision == "other"


def test_embedded_ones_need_nothing():
    assert found(source("zoo:base", DIGEST)).location == model_folder("base")


def test_a_folder_is_where_it_is_said_to_be(folder):
    of = source("mine", DIGEST)
    with pytest.raises(RequestError, match="--models FOLDER/mine"):
        found(of)
    assert found(of, given=[str(folder)]).location == folder
    assert found(of, usual=["gpt2", str(folder)]).location == folder
    with pytest.raises(RequestError, match="--models FOLDER/mine"):
        found(of, given=["gpt2"], usual=["zoo:base"])
    assert found(of, usual=["/nowhere/else", str(folder)]).location == folder


def test_a_folder_here_is_found_by_its_name(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert found(source("mine", DIGEST)).location == folder


def test_the_second_folder_of_a_name_is_the_second(folder, tmp_path):
    again = tmp_path / "again" / "mine"
    tiny_harvest.save_model(again, "gpt2", seed=1)
    of = source("mine", DIGEST, name="mine~2")
    assert found(of, given=[str(folder), str(again)]).location == again


def test_models_with_adapters(folder):
    both = source("gpt2+me/lora", f"{COMMIT}+{OTHER}")
    ref = found(both)
    assert (ref.location, ref.revision) == ("gpt2", COMMIT)
    assert (ref.adapter, ref.adapter_revision) == ("me/lora", OTHER)
    with pytest.raises(RequestError, match=r"--models gpt2\+FOLDER/lora"):
        found(source("gpt2+lora", f"{COMMIT}+{DIGEST}"))


def test_a_revision_that_is_not_told_is_not_asked_for():
    assert found(source("gpt2", None)).revision is None


def test_models_of_no_source_are_refused():
    sources = [source("gpt2", COMMIT), source("zoo:base", DIGEST)]
    check_given(["zoo:base", "gpt2@main"], sources)
    with pytest.raises(RequestError, match=r"--models distilgpt2: expected models of gpt2@1, zoo"):
        check_given(["gpt2", "distilgpt2"], sources)
