"""How activations are stored: a checksum last, and rounding as stated."""

import numpy as np
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


def test_fp32_keeps_every_bit_and_bf16_eight_of_the_mantissa() -> None:
    x = np.random.default_rng(0).normal(size=(100, 7)).astype(np.float32)
    np.testing.assert_array_equal(codec("fp32").encode(x), x)
    stored = codec("bf16").encode(x)
    assert stored.dtype == BFLOAT16
    np.testing.assert_allclose(stored.astype(np.float32), x, rtol=2**-8)


def test_unknown() -> None:
    with pytest.raises(RequestError, match="unknown codec 'fp23'; did you mean 'fp32'"):
        codec("fp23")
