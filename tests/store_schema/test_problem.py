"""Errors of ours become lines; others pass."""

from pathlib import Path

import pytest

from xc.store_schema import DamageError
from xc.store_schema.problem import Problem, noting


def test_an_error_becomes_a_problem_of_its_file(tmp_path: Path) -> None:
    problems: list[Problem] = []
    with noting(problems, tmp_path, tmp_path / "a" / "b"):
        raise DamageError(f"{tmp_path / 'a' / 'b'} is damaged")
    with noting(problems, tmp_path, tmp_path):
        raise DamageError("found 1, expected 2")
    with noting(problems, tmp_path, tmp_path):
        pass
    assert problems == [Problem("a/b", "is damaged"), Problem(".", "found 1, expected 2")]
    assert str(problems[0]) == "a/b: is damaged"


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), noting([], tmp_path, tmp_path):
        1 / 0  # noqa: B018


def test_a_file_inside_is_named_as_one(tmp_path: Path) -> None:
    problems: list[Problem] = []
    for root in (tmp_path, tmp_path / "checkpoint"):
        with noting(problems, root, tmp_path / "checkpoint"):
            raise DamageError(f"{tmp_path / 'checkpoint' / 'x.bin'}: cut off")
    assert problems == [Problem("checkpoint/x.bin", "cut off"), Problem("x.bin", "cut off")]
    assert problems[1].within("run") == Problem("run/x.bin", "cut off")
    assert Problem(".", "cut off").within("run").file == "run"
