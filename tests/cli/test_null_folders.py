"""Folders of controls: kept while they are of the same, cleared when not, never somebody else's."""

from pathlib import Path

import pytest

from xc.cli import null_folders
from xc.cli.null_folders import MADE_FROM, claim, identity
from xc.store_schema import RequestError


def filled(folder: Path, recipe: dict[str, object]) -> Path:
    claim(folder, recipe)
    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / "state").write_text("half")
    return folder


def test_the_same_recipe_goes_on(tmp_path: Path) -> None:
    folder = filled(tmp_path / "identical", {"tokens": 1})
    claim(folder, {"tokens": 1})
    assert (folder / "run" / "state").read_text() == "half"


def test_another_recipe_begins_anew(tmp_path: Path) -> None:
    folder = filled(tmp_path / "identical", {"tokens": 1})
    claim(folder, {"tokens": 2})
    assert [p.name for p in folder.iterdir()] == [MADE_FROM]
    assert '"tokens": 2' in (folder / MADE_FROM).read_text()


def test_killed_while_clearing_it_is_cleared_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = filled(tmp_path / "identical", {"tokens": 1})

    def dies(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(null_folders, "remove", dies)
        with pytest.raises(KeyboardInterrupt):
            claim(folder, {"tokens": 2})
    claim(folder, {"tokens": 2})
    assert not (folder / "run").exists()


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(RequestError, match="was not made by `xc null`"):
        claim(tmp_path, {})
    assert (tmp_path / "mine.txt").exists()


def test_identities_tell_values_apart() -> None:
    assert identity({"a": 1}, None) == identity({"a": 1}, None)
    assert len({identity({"a": 1}), identity({"a": 2}), identity({"a": 1}, 2)}) == 3
