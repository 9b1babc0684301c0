"""How activations are stored: a checksum last, and rounding as stated."""

import pytest
from zarr.codecs import Crc32cCodec

from xc.store_schema import RequestError
from xc.store_schema.bfloat16 import BFLOAT16
from xc.store_schema.codecs import CODECS, INTEGER_COMPRESSORS, codec


def test_every_codec_ends_with_a_checksum() -> None:
    for compressors in (*(c.compressors for c in CODECS), INTEGER_COMPRESSORS):
        assert isinstance(compressors[-1], Crc32cCodec)


def test_names_and_types() -> None:
    assert {c.name: c.dtype.name for c in CODECS} == {"bf16": "bfloat16", "fp32": "float32"}
    assert codec("bf16").dtype == BFLOAT16


def test_unknown() -> None:
    with pytest.raises(RequestError, match="unknown codec 'fp23'; did you mean 'fp32'"):
        codec("fp23")
