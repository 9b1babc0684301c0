"""The GPU's benchmark: what it counts, that it goes through, and that it refuses other devices."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "train_gpu.py"


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_goes_through_on_a_cpu_and_writes_nothing(tmp_path: Path) -> None:
    done = ran("--device", "cpu", "--quick", "--out", str(tmp_path / "x.json"))
    assert done.returncode == 0, done.stderr
    assert "sparse / dense float32" in done.stdout
    assert "of the time waiting for data" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_card_it_refuses_with_a_line() -> None:
    done = ran()
    assert done.returncode == 2
    assert done.stderr.strip().count("\n") == 0
    assert "no CUDA device" in done.stderr


def test_products_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from train_gpu import Size  # noqa: PLC0415

    size = Size(1000, (30, 20), k=10, batch=7)
    assert size.flops("one encoder matmul") == 2 * 7 * 50 * 1000
    assert size.flops("dense float32") == 5 * size.flops("one encoder matmul")
    assert size.flops("sparse") == 2 * 7 * 50 * (1000 + 4 * 10)
