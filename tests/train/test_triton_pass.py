"""The sparse pass in Triton's kernels: in its interpreter, on a card if there is one, and compiled.

Each runs in a process of its own, once for all tests of this file: Triton looks at TRITON_INTERPRET
when it is imported, and it stays imported. The checks are those of `triton_checks`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import triton_checks

from xc.train.activation_fns import ACTIVATION_FNS
from xc.train.forward import dense
from xc.train.passes import choose

Outcomes = Callable[[str], dict[str, str | None]]
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed")
CARD = [pytest.param("cuda", marks=pytest.mark.gpu)] if torch.cuda.is_available() else []


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """How -> what became of each check."""

    @cache
    def run(how: str) -> dict[str, str | None]:
        environment = {
            **os.environ,
            "TRITON_INTERPRET": "1" if how == "cpu" else "0",
            "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton")),
        }
        command = [sys.executable, "-W", "error", str(Path(triton_checks.__file__)), how]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, str | None] = json.loads(done.stdout)
        return found

    return run


@pytest.mark.slow
@needs_triton
@pytest.mark.parametrize("device", ["cpu", *CARD])
@pytest.mark.parametrize("check", triton_checks.CHECKS)
def test_as_the_dense_pass(check: str, device: str, outcomes: Outcomes) -> None:
    error = outcomes(device)[check]
    assert error is None, error


@pytest.mark.slow
@needs_triton
@pytest.mark.parametrize("kernel", triton_checks.COMPILED)
def test_kernels_compile_for_cards(kernel: str, outcomes: Outcomes) -> None:
    error = outcomes("compiled")[kernel]
    assert error is None, error


def test_without_triton_it_is_the_dense_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    for module in [m for m in sys.modules if m.startswith("xc.train.gpu")]:
        monkeypatch.delitem(sys.modules, module)
    topk = ACTIVATION_FNS["batch_topk"]
    assert choose(topk, d_sae=16384, k=64, device=torch.device("cuda")) is dense
