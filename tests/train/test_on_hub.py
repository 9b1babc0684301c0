"""Crosscoders to and from a Hub, by its own client, over a server on loopback."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import foreign
import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from tiny_model_hub import TinyModelHub, commit_of

from xc.store_schema import Checkpoint, RequestError, RunLayout
from xc.train import Crosscoder
from xc.train.formats.kinds import Wishes
from xc.train.formats.open_reference import open_reference
from xc.train.publishing import export, push

THEIRS = "somebody/crosscoder-gemma-2-2b"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyModelHub]:
    """A Hub with Kissane's layout among other files, an empty cache, and a token for uploads."""
    folder = tmp_path / "hub" / THEIRS / "blocks.14.hook_resid_pre"
    foreign.save_pt(folder / "cc_weights.pt", foreign.joint())
    foreign.save_json(folder / "cfg.json", {"model_name": "gemma-2-2b", "hook_point": "14"})
    (tmp_path / "hub" / THEIRS / "README.md").write_text("about")
    server = TinyModelHub(tmp_path / "hub")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE",
        server.url + "/{repo_id}/resolve/{revision}/{filename}",
    )  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    huggingface_hub.close_session()
    with server.running():
        yield server
    huggingface_hub.close_session()


def test_only_the_files_that_are_needed_are_fetched_at_one_commit(
    hub: TinyModelHub, tmp_path: Path
) -> None:
    found = open_reference(THEIRS, Wishes(scale=(0.5, 0.25)))
    assert found.origin["commit"] == commit_of(THEIRS)
    np.testing.assert_array_equal(found.checkpoint.b_enc, foreign.joint()["b_enc"])
    cached = {p.name for p in (tmp_path / "cache").rglob("*") if p.is_symlink() or p.is_file()}
    assert {"cc_weights.pt", "cfg.json"} <= cached
    assert "README.md" not in cached


def test_the_published_crosscoder_has_known_factors_and_says_so(
    hub: TinyModelHub, tmp_path: Path
) -> None:
    name = "crosscoder-gemma-2-2b-model-diff"
    for owner in ("ckkissane", "somebody"):
        shutil.copytree(tmp_path / "hub" / THEIRS, tmp_path / "hub" / owner / name)
    found = open_reference(f"ckkissane/{name}")
    assert found.checkpoint.scale == (0.2758961493232058, 0.24422852496546169)
    assert f"scale 0.27590, 0.24423 is the published one of ckkissane/{name}" in found.notes[-1]
    other = open_reference(f"ckkissane/{name}", Wishes(scale=(0.5, 0.25)))
    assert other.checkpoint.scale == (0.5, 0.25)
    assert "was replaced" in other.notes[-1]
    with pytest.raises(RequestError, match="give --scale"):
        open_reference(f"somebody/{name}")


def test_once_fetched_the_hub_is_not_needed(
    hub: TinyModelHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes = Wishes(scale=(0.5, 0.25))
    first = open_reference(THEIRS, wishes)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    again = open_reference(f"{THEIRS}@{commit_of(THEIRS)}", wishes)
    assert again.checkpoint.fingerprint == first.checkpoint.fingerprint


def test_a_repository_that_is_not_there(hub: TinyModelHub) -> None:
    with pytest.raises(RequestError, match="not to be had from the Hugging Face Hub"):
        open_reference("somebody/else")


def test_pushed_and_loaded_by_its_name(
    hub: TinyModelHub, planted_run: RunLayout, tmp_path: Path
) -> None:
    folder = export(planted_run, layout="xc", out=tmp_path / "out")
    assert push(folder, "me/mine").endswith("/me/mine")
    assert "# Crosscoder of alpha@1 and beta@2" in (hub.root / "me/mine/README.md").read_text()
    module = Crosscoder.from_pretrained("me/mine")
    own = Crosscoder.from_pretrained(planted_run.root)
    xs = [np.ones((3, 16), np.float32)] * 2
    np.testing.assert_array_equal(module.encode(xs).numpy(), own.encode(xs).numpy())
    assert own.push_to_hub("me/other", run=planted_run.root).endswith("/me/other")
    found = open_reference("me/other").checkpoint
    assert found.folded
    assert found.sources == Checkpoint.load(planted_run.root).sources
