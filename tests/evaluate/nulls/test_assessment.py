"""Latents are matched to planted directions one to one and by direction."""

import numpy as np

from xc.evaluate.nulls.assessment import matched


def test_matching_is_one_to_one_and_by_direction() -> None:
    truth = np.eye(4)[:3]
    decoder = np.array([[1.0, 0.1, 0, 0], [2.0, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 3, 0.1]])
    assert matched(truth, decoder, np.array([True, True, True])).tolist() == [1, -1, 3]
    assert matched(truth, decoder, np.array([True, True, False])).tolist() == [1, -1, -1]
    assert matched(truth, -decoder, np.array([True, True, True])).tolist() == [-1, -1, -1]
