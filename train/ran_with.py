"""What a run's bytes depend on beside its settings: versions, device, threads, processes."""

from importlib import metadata
from typing import Any

import torch

DISTRIBUTIONS = ("xcdiff", "torch", "numpy", "numba")
"""Those that have a hand in the weights; what is not installed is left out."""


def ran_with(device: torch.device, *, processes: int = 1) -> dict[str, Any]:
    """As `config.yaml` keeps it; nothing names a machine.

    Threads share sums among them, and another order of summation rounds otherwise.

    Args:
        device: that the run is trained on.
        processes: that share it.
    """
    cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if cuda else device.type,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "processes": processes,
        **{name: found for name in DISTRIBUTIONS if (found := _version(name)) is not None},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
