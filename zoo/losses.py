"""The losses of the zoo, over the positions that have a target."""

import torch
from torch import Tensor
from torch.nn import functional

from xc.zoo.windows import IGNORED


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats; logits [row, token], targets [row], `IGNORED` left out."""
    return functional.cross_entropy(logits.float(), targets, ignore_index=IGNORED)


def softmax_kl(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    """Mean over rows of KL(teacher || student) at a temperature, times its square.

    Both are logits [row, token]. The square keeps the gradient's size independent of the
    temperature (Hinton et al. 2015).
    """
    divergence = functional.kl_div(
        functional.log_softmax(student.float() / temperature, dim=-1),
        functional.log_softmax(teacher.float() / temperature, dim=-1),
        log_target=True,
        reduction="batchmean",
    )
    return divergence * temperature**2


def cosine_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over rows of 1 - cosine; both [row, d_model]."""
    cosine = functional.cosine_similarity(student.float(), teacher.float(), dim=-1)
    return torch.mean(1 - cosine)
