"""How activations are stored: one row of the table per codec."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from zarr.codecs import Crc32cCodec, ZstdCodec

from xc.store_schema.bfloat16 import BFLOAT16
from xc.store_schema.errors import RequestError
from xc.store_schema.settings import suggestion


@dataclass(frozen=True)
class Codec:
    """A stored number type and what follows it on the way to disk."""

    name: str
    dtype: np.dtype[Any]
    compressors: tuple[Any, ...]
    """Bytes-to-bytes codecs of the inner chunks; last the checksum, over what lies on disk."""


CODECS: tuple[Codec, ...] = (
    Codec("bf16", BFLOAT16, (Crc32cCodec(),)),
    Codec("fp32", np.dtype(np.float32), (Crc32cCodec(),)),
)

INTEGER_COMPRESSORS = (ZstdCodec(level=3), Crc32cCodec())
"""For token ids, offsets and row tables: small beside the activations, and well compressible."""


def codec(name: str) -> Codec:
    """Look a codec up by name.

    Raises:
        RequestError: if there is none, naming the known ones.
    """
    table = {c.name: c for c in CODECS}
    if name not in table:
        raise RequestError(f"unknown codec '{name}'{suggestion(name, table)}")
    return table[name]
