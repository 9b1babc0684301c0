"""Large arrays that are freed do not stay with the process."""

import os
import platform
import subprocess
import sys

import pytest

FREED = """
import numpy as np
from xc.evaluate.allocator import return_large_arrays

def resident() -> int:
    status = open("/proc/self/status").read()
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10

told = {told}
np.ones(3 << 20)  # 24 MiB: freed, it raises the threshold of an allocator that is left alone
held = [np.ones(2 << 20) for _ in range(8)]
behind = np.ones(1 << 20)  # in the pool too, and too large for a hole before them
before = resident()
del held
print(before - resident())
"""


def freed(told: str) -> int:
    """MiB of 128 that go back, told or not. Once a cluster was started in this process, distributed
    has told glibc through the environment."""
    command = [sys.executable, "-c", FREED.format(told=told)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=own)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_arrays_that_are_freed_are_returned() -> None:
    assert freed("return_large_arrays()") >= 120
    assert freed("None") < 110
