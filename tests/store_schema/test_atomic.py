"""Old or new, never half: exceptions, kills and full disks."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from xc.store_schema import XcError, atomic_path, atomic_write, canonical_json
from xc.store_schema.atomic import new_folder, put, put_if_changed, remove

SCRIPTS = Path(__file__).parent / "scripts"


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """A limit of the operating system: writing beyond it fails as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    for content in (b"old", b"newer"):
        atomic_write(tmp_path / "deep" / "file", content)
        assert (tmp_path / "deep" / "file").read_bytes() == content
    assert names(tmp_path / "deep") == ["file"]


def write_half_a_file(path: Path) -> None:
    with atomic_path(path) as aside:
        aside.write_text("half")
        raise KeyboardInterrupt


def write_half_a_folder(path: Path) -> None:
    with atomic_path(path) as aside:
        aside.mkdir()
        (aside / "a").write_text("half")
        raise KeyboardInterrupt


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    atomic_write(tmp_path / "file", "old")
    with pytest.raises(KeyboardInterrupt):
        write_half_a_file(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_an_exception_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half_a_folder(tmp_path / "folder")
    assert (tmp_path / "folder" / "a").read_text() == "old"
    assert names(tmp_path) == ["folder"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with atomic_path(tmp_path / "folder") as aside:
            aside.mkdir()
            (aside / name).write_text(name)
    assert names(tmp_path / "folder") == ["second"]
    assert names(tmp_path) == ["folder"]


def test_what_a_killed_process_left_goes_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    script = "import sys, pathlib; from xc.store_schema.atomic import _aside\n" \
        "context = _aside(pathlib.Path(sys.argv[1])); context.__enter__().mkdir()\n" \
        "__import__('os')._exit(0)"  # fmt: skip
    subprocess.run([sys.executable, "-c", script, tmp_path / "folder"], check=True)
    (left,) = names(tmp_path)
    assert left.startswith(".folder.")
    with atomic_path(tmp_path / "folder") as mine:
        mine.mkdir()
        assert names(tmp_path) == [mine.name]
        with atomic_path(tmp_path / "folder") as other:
            other.write_text("x")
            assert names(tmp_path) == sorted([mine.name, other.name])
            other.unlink()
            other.mkdir()
    assert names(tmp_path) == ["folder"]


def test_a_new_folder_replaces_nothing(tmp_path: Path) -> None:
    with new_folder(tmp_path / "folder") as aside:
        aside.mkdir()
        (aside / "first").touch()
    late = new_folder(tmp_path / "folder")
    with pytest.raises(FileExistsError), late as aside:
        aside.mkdir()
    assert names(tmp_path) == ["folder"]
    assert names(tmp_path / "folder") == ["first"]


def test_putting_makes_folders_and_leaves_nothing_aside(tmp_path: Path) -> None:
    for content in (b"old", np.frombuffer(b"newer", np.uint8)):
        put(tmp_path / "a" / "b" / "file", content)
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"newer"
    assert names(tmp_path / "a" / "b") == ["file"]
    with largest_file(1000), pytest.raises(OSError, match="too large"):
        put(tmp_path / "a" / "b" / "file", b"x" * 2000)
    assert names(tmp_path / "a" / "b") == ["file"]


def test_only_what_differs_is_put(tmp_path: Path) -> None:
    put_if_changed(tmp_path / "file", b"same")
    inode = (tmp_path / "file").stat().st_ino
    put_if_changed(tmp_path / "file", b"same")
    assert (tmp_path / "file").stat().st_ino == inode
    put_if_changed(tmp_path / "file", b"other")
    assert (tmp_path / "file").read_bytes() == b"other"


def test_killed_at_any_moment_the_name_holds_one_whole_generation(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "kill_atomic.py", tmp_path, "20"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kills"] == 20


def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path: Path) -> None:
    atomic_write(tmp_path / "file", "old")
    with largest_file(1000), pytest.raises(XcError, match="could not be written") as caught:
        atomic_write(tmp_path / "file", b"x" * 2000)
    assert "\n" not in str(caught.value)
    assert "run the same command again" in str(caught.value)
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(XcError, match="a file is where a folder should be"):
        atomic_write(tmp_path / "file" / "below", "x")


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "file"):
        (tmp_path / "absent").read_bytes()


def test_remove_takes_files_folders_links_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove(tmp_path / "link")
    remove(tmp_path / "absent")
    assert names(tmp_path) == ["folder"]
    remove(tmp_path / "folder")
    assert names(tmp_path) == []


def test_canonical_json_gives_equal_text_for_equal_values() -> None:
    assert canonical_json({"b": 1, "a": [1.5, "é"]}) == canonical_json({"a": [1.5, "é"], "b": 1})
    assert canonical_json({"a": "é"}) == '{\n  "a": "é"\n}\n'
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"a": float("nan")})


def test_a_file_is_flushed_and_then_the_folder_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    put(tmp_path / "new" / "file", b"content")
    new = tmp_path / "new"
    assert flushed == [p.stat().st_ino for p in (tmp_path, new / "file", new)]
