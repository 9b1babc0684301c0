"""Out of core: many times the rows need the same memory."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import planted
import pytest
from measured import SOME, Case

from xc.evaluate import reader
from xc.evaluate.examples.collect import AFTER, BEFORE
from xc.store_schema import LatentTable

SCRIPTS = Path(__file__).parent / "scripts"


def told(script: str, *arguments: object) -> float:
    """What a script prints in a fresh process."""
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout or "nan")


def peak(n_rows: int) -> float:
    """Peak traced bytes of summing up `n_rows` held-out rows."""
    return told("peak_memory.py", n_rows)


@pytest.fixture(scope="module")
def base() -> int:
    return peak(4096)


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_rows(base: int) -> None:
    assert peak(8 * 4096) <= 1.1 * base


def test_it_is_that_of_a_tile(base: int) -> None:
    """Far below the activations of eight times the rows: 32768 × 2 × 256 floats."""
    assert base < 8 * 4096 * 2 * 256 * 4 / 2


def test_latents_of_a_block_are_read_some_rows_at_a_time(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the metrics, the examples and the twins; and no byte of the result tells."""
    asked, plain = [], LatentTable.csr

    def noted(self: LatentTable, start: int, stop: int) -> Any:
        asked.append(stop - start)
        return plain(self, start, stop)

    monkeypatch.setattr(LatentTable, "csr", noted)
    widest, found = [], []
    for rows in (reader.READ_ROWS, 128):
        monkeypatch.setattr(reader, "READ_ROWS", rows)
        asked.clear()
        run = planted.write_run(tmp_path / str(rows), case.checkpoint, case.store)
        case.evaluate(run, **SOME, block_rows=512, tile_rows=64)
        widest.append(max(asked))
        found.append([p.read_bytes() for p in (run.summary, run.latents_parquet, run.examples)])
    assert widest[0] >= 448
    assert widest[1] <= 128 + BEFORE + AFTER
    assert found[0] == found[1]


@pytest.mark.thorough
def test_a_whole_evaluation_of_fifty_times_the_rows_takes_the_same(tmp_path: Path) -> None:
    """Resident memory, intervals and kept sums included, for 8,192, 81,920 and 409,600 rows."""
    found = []
    for times in (1, 10, 50):
        folder = tmp_path / str(times)
        told("peak_rss.py", "write", folder, times * 8192)
        found.append(told("peak_rss.py", "evaluate", folder))
        shutil.rmtree(folder)
    assert max(found) <= 1.1 * min(found), found
