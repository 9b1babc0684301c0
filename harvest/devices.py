"""Which device runs the models, and in which type."""

import torch

from xc.harvest.models import Model, native_dtype
from xc.store_schema import RequestError

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def pick_device(name: str, *, place: int | None = None) -> torch.device:
    """The device of a name; `auto` is a GPU if there is one.

    Args:
        name: auto, cpu, cuda, cuda:1, …
        place: number of this process among those of the machine, from 0, if there are several;
            `auto` then deals the GPUs out.

    Raises:
        RequestError: if there is no such device.
    """
    if name == "auto":
        return _automatic(place)
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RequestError(
            f"device '{name}' is not here; expected cpu, cuda or cuda:N on a machine that has it"
        ) from error
    return device


def _automatic(place: int | None) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if place is None:
        return torch.device("cuda")
    return torch.device("cuda", place % torch.cuda.device_count())


def pick_dtype(name: str, model: Model, device: torch.device) -> torch.dtype:
    """The type of a name; `auto` is float32 on a CPU and the model's own type on a GPU."""
    if name != "auto":
        return _TYPES[name]
    return automatic_dtype(device) or native_dtype(model)


def automatic_dtype(device: torch.device) -> torch.dtype | None:
    """What `auto` is on a device whatever the model; None where the model decides."""
    return torch.float32 if device.type == "cpu" else None


def dtype_name(dtype: torch.dtype) -> str:
    """`bfloat16`, as stored."""
    return str(dtype).removeprefix("torch.")
