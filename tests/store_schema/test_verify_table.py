"""Latent tables with right checksums and wrong contents."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xc.store_schema import RunLayout, Silent
from xc.store_schema.latent_part import write_part
from xc.store_schema.verify_table import check_table

ABOUT = {"start": 0, "stop": 5, "d_sae": 10, "checkpoint": "c", "store": "s"}


def check(folder: Path, **expected: object) -> list[str]:
    return [str(p) for p in check_table(folder, folder, Silent(), expected=dict(expected))]


def put(folder: Path, entries: list[tuple[int, int, float]], **about: object) -> None:
    columns = np.array(entries, dtype=np.float64).reshape(-1, 3).T
    folder.mkdir(exist_ok=True)
    name = f"part-{len(list(folder.iterdir()))}.parquet"
    write_part(folder / name, {**ABOUT, **about}, columns[0].astype(np.int64),
               columns[1].astype(np.int32), columns[2].astype(np.float32))  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([(5, 0, 1)], "rows lie outside 0 to 5"),
        ([(-1, 0, 1)], "rows lie outside 0 to 5"),
        ([(0, 10, 1)], "latents lie outside 0 to 10"),
        ([(0, -1, 1)], "latents lie outside 0 to 10"),
        ([(1, 0, 1), (0, 0, 1)], "not sorted"),
        ([(1, 1, 1), (1, 0, 1)], "not sorted"),
        ([(1, 1, 1), (1, 1, 1)], "without repeats"),
        ([(0, 0, 0)], "not above 0"),
        ([(0, 0, np.nan)], "not above 0"),
    ],
)
def test_entries(tmp_path: Path, entries: list[tuple[int, int, float]], what: str) -> None:
    put(tmp_path, [(0, 1, 1.0), (4, 9, 2.0)])
    assert check(tmp_path) == []
    put(tmp_path / "bad", entries)
    (problem,) = check(tmp_path / "bad")
    assert problem.startswith("part-0.parquet: ")
    assert what in problem


def test_parts_must_belong_together_and_not_overlap(tmp_path: Path) -> None:
    put(tmp_path, [])
    put(tmp_path, [], start=5, stop=9)
    assert check(tmp_path) == []
    assert check(tmp_path, d_sae=11) == [
        f"part-{i}.parquet: d_sae is 10; expected 11" for i in range(2)
    ]
    put(tmp_path, [], start=8, stop=12, checkpoint="d")
    assert check(tmp_path) == [
        "part-2.parquet: checkpoint is 'd'; expected 'c'",
        "part-2.parquet: overlaps part-1.parquet",
    ]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert check(tmp_path) == [".: expected part-*.parquet, found none; run `xc train`"]


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-5], lambda b: b"", lambda b: b[:200] + bytes(200) + b[400:]]
)
def test_damaged_files(run: RunLayout, damage: Callable[[bytes], bytes]) -> None:
    part = next(run.latents.iterdir())
    shutil.copy(part, run.latents / "part-999.parquet")
    part.write_bytes(damage(part.read_bytes()))
    problems = check(run.latents)
    assert any(p.startswith(part.name) for p in problems)
