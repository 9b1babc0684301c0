"""Where references lead: folders, files, and the Hub's cache when the Hub is out of reach."""

from pathlib import Path

import foreign
import numpy as np
import pytest
from huggingface_hub import constants

from xc.store_schema import RequestError, XcError
from xc.train.formats.kinds import Wishes
from xc.train.formats.open_reference import open_reference
from xc.train.formats.place import Place, resolve

REPOSITORY = "ckkissane/crosscoder-gemma-2-2b-model-diff"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hub, and no network."""
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return cache


@pytest.fixture
def cached(hub: Path) -> Path:
    """The published crosscoder, tiny, as the Hub's client would have it in its cache."""
    repository = hub / f"models--{REPOSITORY.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    folder = snapshot / "blocks.14.hook_resid_pre"
    foreign.save_pt(folder / "cc_weights.pt", foreign.joint())
    cfg = {"model_name": "gemma-2-2b", "hook_point": "blocks.14.hook_resid_pre"}
    foreign.save_json(folder / "cfg.json", cfg)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return snapshot


@pytest.mark.parametrize("reference", [REPOSITORY, f"{REPOSITORY}@main", f"{REPOSITORY}@{COMMIT}"])
def test_a_repository_in_the_cache(cached: Path, reference: str) -> None:
    found = open_reference(reference)
    assert found.origin == {
        "reference": reference,
        "file": "blocks.14.hook_resid_pre/cc_weights.pt",
        "commit": COMMIT,
        "format": "kissane",
    }
    assert found.checkpoint.scale == (0.2758961493232058, 0.24422852496546169)
    np.testing.assert_array_equal(found.checkpoint.b_enc, foreign.joint()["b_enc"])


def test_the_snapshot_itself_is_known_as_the_published_one(cached: Path) -> None:
    found = open_reference(str(cached))
    assert found.checkpoint.scale == (0.2758961493232058, 0.24422852496546169)


def test_what_neither_the_hub_nor_the_cache_has(hub: Path) -> None:
    with pytest.raises(RequestError, match="not to be had from the Hugging Face Hub") as caught:
        open_reference("someone/something")
    assert "\n" not in str(caught.value)
    assert "; give a folder or file" in str(caught.value)


@pytest.mark.parametrize("reference", ["nothing-here", "./a/b", "/no/such/place", "a/b/c", ""])
def test_references_that_lead_nowhere(hub: Path, reference: str) -> None:
    with pytest.raises(RequestError, match="no such file or folder, and no id"):
        resolve(reference)


def test_a_file_of_a_repository_that_cannot_be_fetched(hub: Path) -> None:
    place = Place("a/b", None, ("x.pt",), "a/b", COMMIT)
    with pytest.raises(XcError, match=r"a/b: x\.pt could not be fetched"):
        place.fetch("x.pt")


def test_folders_are_looked_into_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("a/b/c.pt", ".git/d.pt", "a/.e.pt"):
        foreign.save_pt(tmp_path / name, {})
    assert resolve(str(tmp_path)).names == ("a/b/c.pt",)


def test_a_folder_without_crosscoders_says_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(RequestError, match=r"holds no crosscoder that is known here \(crosscoder-"):
        open_reference(str(tmp_path))


def test_tensors_of_no_layout_are_named(tmp_path: Path) -> None:
    path = foreign.save_pt(tmp_path / "0.pt", {"weight": np.zeros(2, np.float32)})
    with pytest.raises(RequestError, match=r"are not those of kissane, becker, .* found weight"):
        open_reference(str(path))


def test_a_format_that_is_asked_for(tmp_path: Path) -> None:
    foreign.save_pt(tmp_path / "0.pt", foreign.joint())
    with pytest.raises(RequestError, match="no format 'kisane'; did you mean 'kissane'"):
        open_reference(str(tmp_path), layout="kisane")
    with pytest.raises(RequestError, match="are not those of becker"):
        open_reference(str(tmp_path), layout="becker")
    with pytest.raises(RequestError, match=r"holds no file 1\.pt; did you mean '0\.pt'"):
        open_reference(str(tmp_path), file="1.pt")
    wishes = Wishes(sources=("a@1", "b@1"), scale=(1.0, 1.0))
    assert open_reference(str(tmp_path), wishes, layout="kissane").format == "kissane"


def test_the_format_is_noted_where_reading_fails(tmp_path: Path) -> None:
    foreign.save_pt(tmp_path / "0.pt", foreign.joint())
    with pytest.raises(RequestError) as caught:
        open_reference(str(tmp_path), Wishes(sources=("a@1",), scale=(1.0, 1.0)))
    assert caught.value.__notes__ == ["read as kissane"]
