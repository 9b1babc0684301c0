"""Crosscoders and rows on which the pass in Triton's kernels is set against the dense one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from xc.train import Crosscoder
from xc.train.forward import Pass, dense

N, D_SAE, K = 6, 13, 2
"""As small as can be: the interpreter takes a hundredth of a second for each program."""
WIDTHS = (3, 4)
SPARSITIES = ("batch_topk", "topk")
Case = Callable[[Crosscoder, Tensor], Any]


def ties(cc: Crosscoder, x: Tensor) -> None:
    for weights in (cc.W_enc, cc.b_enc, cc.W_dec):
        weights[4:12] = weights[4]


def equal_rows(cc: Crosscoder, x: Tensor) -> None:
    x[:] = x[0]


def zero_input(cc: Crosscoder, x: Tensor) -> None:
    x.zero_()
    cc.b_enc.zero_()


def few_positive(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc[2:] = -1e3


def dead_latents(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc[5:9] = -1e3


def all_dead(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc.fill_(-1e3)


def a_latent_that_is_not_a_number(cc: Crosscoder, x: Tensor) -> None:
    cc.W_enc[3, 2] = torch.nan


CASES: dict[str, Case] = {
    "random": lambda cc, x: None,
    "ties": ties,
    "equal rows": equal_rows,
    "zeros": zero_input,
    "fewer positives than are to be kept": few_positive,
    "none positive": lambda cc, x: cc.b_enc.fill_(-1e3),
    "decoder rows of zeros": lambda cc, x: cc.W_dec[:6].zero_(),
    "θ far above": lambda cc, x: cc.threshold.fill_(1e6),
    "θ far below": lambda cc, x: cc.threshold.fill_(1e-6),
    "θ of that very batch": lambda cc, x: cc.threshold.fill_(dense(cc, x, K).smallest),
}


def gradients(cc: Crosscoder, x: Tensor, done: Pass) -> list[Tensor]:
    loss = (x - done.xhat).norm(dim=1).mean() + done.xhat.square().mean()
    return list(torch.autograd.grad(loss, list(cc.parameters())))
