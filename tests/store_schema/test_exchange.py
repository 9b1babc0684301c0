"""Two folders trade names, by one system call or by renames."""

from pathlib import Path

import pytest

from xc.store_schema import exchange as exchange_module
from xc.store_schema.exchange import exchange


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("aside", "path"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    return tmp_path / "aside", tmp_path / "path"


@pytest.mark.parametrize("at_once", [True, False])
def test_the_folders_trade_names(
    pair: tuple[Path, Path], at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not at_once:
        monkeypatch.setattr(exchange_module, "_renameat2", lambda: None)
    aside, path = pair
    exchange(aside, path)
    assert (path / "aside").is_file()
    assert (aside / "path").is_file()
    assert sorted(p.name for p in path.parent.iterdir()) == ["aside", "path"]


def test_what_a_kill_between_the_renames_left_is_no_obstacle(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_module, "_renameat2", lambda: None)
    aside, path = pair
    left = path.with_name("aside.old")
    left.mkdir()
    (left / "stale").write_text("")
    exchange(aside, path)
    assert sorted(p.name for p in path.parent.iterdir()) == ["aside", "path"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "path").mkdir()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "absent", tmp_path / "path")
    assert (tmp_path / "path").is_dir()
