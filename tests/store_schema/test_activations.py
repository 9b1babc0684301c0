"""The widened view: exactly the stored values, as float32."""

import numpy as np

from xc.store_schema import ActivationStore
from xc.store_schema.bfloat16 import BFLOAT16


def test_float32_of_exactly_the_stored_values(store: ActivationStore) -> None:
    activations = store.activations("beta@2")
    assert (activations.shape, activations.ndim, len(activations)) == ((160, 16), 2, 160)
    assert activations.dtype == np.float32
    assert activations.raw.dtype == BFLOAT16
    raw = activations.raw[30:90]
    assert raw.dtype == BFLOAT16
    wide = activations[30:90]
    assert wide.dtype == np.float32
    bits = (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(wide, bits)
    np.testing.assert_array_equal(activations[[5, 150]], activations[:][[5, 150]])
