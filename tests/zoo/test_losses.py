"""The losses of distillation, against their formulas."""

import pytest
import torch

from xc.zoo.losses import cosine_distance, cross_entropy, softmax_kl


def test_kl_is_zero_for_equal_logits_up_to_a_constant() -> None:
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    assert softmax_kl(logits + 3, logits, temperature=2).item() == pytest.approx(0, abs=1e-6)


def test_kl_is_the_sum_by_hand() -> None:
    generator = torch.Generator().manual_seed(1)
    student, teacher = torch.randn(2, 4, 6, generator=generator)
    p, q = (teacher / 2).softmax(-1), (student / 2).softmax(-1)
    by_hand = 4 * (p * (p / q).log()).sum(-1).mean()
    torch.testing.assert_close(softmax_kl(student, teacher, temperature=2), by_hand)


def test_cosine_distance() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert cosine_distance(x, 5 * x).item() == pytest.approx(0, abs=1e-6)
    assert cosine_distance(x, -x).item() == pytest.approx(2)
    assert cosine_distance(x, x.flip(0)).item() == pytest.approx(1)


def test_cross_entropy_leaves_padding_out() -> None:
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(2))
    whole = cross_entropy(logits[:2], torch.tensor([1, 2]))
    torch.testing.assert_close(cross_entropy(logits, torch.tensor([1, 2, -100])), whole)
