"""What is said of a crosscoder, and of arrays that do not fit it."""

from typing import Any

import numpy as np
import pytest
import torch
from training import WIDTHS, make_crosscoder

from xc.store_schema import RequestError, RunLayout
from xc.train import Crosscoder
from xc.train.partition import plan_partition

A, B = WIDTHS
EXPECTED = rf"one array per source, of equally many rows: \[row, {A}\] of m0@1, \[row, {B}\] of m1"


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ([(3, A)], rf"found 1 array of shape \[3, {A}\]"),
        ([(3, A), (3, B), (3, B)], "found 3 arrays of shape"),
        ([(3, B), (3, A)], rf"found 2 arrays of shape \[3, {B}\], \[3, {A}\]"),
        ([(3, A), (4, B)], rf"\[3, {A}\], \[4, {B}\]; expected"),
        ([(A,), (B,)], rf"\[{A}\], \[{B}\]"),
        ([(2, 3, A), (2, 3, B)], rf"\[2, 3, {A}\]"),
        ([], "found 0 arrays of shape –"),
    ],
)
def test_activations_that_do_not_fit(shapes: list[tuple[int, ...]], found: str) -> None:
    cc = make_crosscoder()
    for make in (np.zeros, torch.zeros):
        with pytest.raises(RequestError, match=found) as caught:
            cc.encode([make(shape) for shape in shapes])
        assert caught.match(EXPECTED)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(3, 23), (24,), (2, 3, 24)])
def test_latents_that_do_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(RequestError, match=r"expected latents \[row, 24\]"):
        make_crosscoder().decode(torch.zeros(shape))


def test_no_rows_are_rows() -> None:
    cc = make_crosscoder()
    f = cc.encode([torch.zeros(0, A), torch.zeros(0, B)])
    assert [tuple(x.shape) for x in cc.decode(f)] == [(0, A), (0, B)]


def _lines(**values: Any) -> list[str]:
    return [line.strip() for line in repr(make_crosscoder(**values)).splitlines()]


def test_printed_it_tells_what_it_is() -> None:
    assert _lines(scale=(0.5, 0.25), mean=[np.zeros(A), np.zeros(B)]) == [
        "Crosscoder(",
        f"sources: m0@1 [{A}], m1@1 [{B}]",
        "d_sae: 24, batch_topk, k 3, code_norm crosscoder, θ 0.7",
        "normalisation: (x − mean)·scale, scale 0.5, 0.25; gives normalised activations",
        ")",
    ]


def test_printed_it_tells_groups_and_folding() -> None:
    groups = plan_partition(
        d_sae=24, widths=WIDTHS, shared_fraction=0.0, shared_penalty=1.0, exclusive=(0.25, 0.25)
    )
    lines = _lines(partition=groups, folded=True, name="relu")
    assert "d_sae: 24, relu, code_norm crosscoder" in lines
    assert "normalisation: folded into the weights; takes and gives raw activations" in lines
    assert "groups: 6 exclusive to m0@1, 6 exclusive to m1@1, 12 plain" in lines
    assert isinstance(repr(make_crosscoder(name="jumprelu")), str)


def test_a_loaded_one_is_printed(planted_run: RunLayout) -> None:
    cc = Crosscoder.from_pretrained(planted_run.root)
    assert "sources: alpha@1 [16], beta@2 [16]" in repr(cc)
