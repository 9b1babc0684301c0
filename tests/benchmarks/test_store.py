"""The store's benchmark keeps what it does not measure."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_parts_that_are_not_measured_stay(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    merged = runpy.run_path(str(ROOT / "benchmarks" / "store.py"))["merged"]
    before = {"what": "quiet", "stream": 1, "gather": 2, "bars": 3}
    now = {"what": "busy", "stream": 4, "bars": 5}
    assert merged(before, now, ["stream"]) == {"what": "quiet", "stream": 4, "gather": 2, "bars": 5}
