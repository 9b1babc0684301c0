"""Pre-training and distillation, by their real code on a tiny model."""

import dataclasses
from itertools import islice
from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel

from xc.zoo.distill import distill, new_student
from xc.zoo.loop import Checkpointing
from xc.zoo.pretrain import pretrain
from xc.zoo.recipe import Recipe
from xc.zoo.windows import TokenizedCorpus


def copy_of(model: GPT2LMHeadModel) -> GPT2LMHeadModel:
    copy = GPT2LMHeadModel(model.config)
    copy.load_state_dict(model.state_dict())
    return copy


def same_weights(a: GPT2LMHeadModel, b: GPT2LMHeadModel) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def test_pretraining_learns_and_is_reproducible(
    corpus: TokenizedCorpus, recipe: Recipe, untrained: GPT2LMHeadModel
) -> None:
    again = copy_of(untrained)
    losses = [report.loss for report in pretrain(untrained, corpus, recipe)]
    assert len(losses) == recipe.steps == 40
    assert losses[-1] < losses[0] - 1
    assert losses == [report.loss for report in pretrain(again, corpus, recipe)]
    assert same_weights(untrained, again)


def test_another_seed_gives_other_weights(
    corpus: TokenizedCorpus, recipe: Recipe, untrained: GPT2LMHeadModel
) -> None:
    other = copy_of(untrained)
    list(pretrain(untrained, corpus, recipe))
    list(pretrain(other, corpus, dataclasses.replace(recipe, seed=4)))
    assert not same_weights(untrained, other)


def test_distillation_learns_and_is_reproducible(
    corpus: TokenizedCorpus, recipe: Recipe, teacher: GPT2LMHeadModel
) -> None:
    list(pretrain(teacher, corpus, recipe))
    before = copy_of(teacher)
    students = [new_student(teacher) for _ in range(2)]
    first, second = (
        [report.loss for report in distill(student, teacher, corpus, recipe)]
        for student in students
    )
    assert first[-1] < 0.85 * first[0]
    assert first == second
    assert same_weights(*students)
    assert same_weights(teacher, before)


def test_a_student_starts_from_every_second_block(teacher: GPT2LMHeadModel) -> None:
    student = new_student(teacher)
    assert student.config.n_layer == 2
    ours, theirs = student.state_dict(), teacher.state_dict()
    for name, tensor in ours.items():
        of_teacher = name.replace(".h.1.", ".h.2.")
        assert torch.equal(tensor, theirs[of_teacher]), name
    assert teacher.config.n_layer == 4


def test_a_student_equal_to_its_teacher_has_only_the_next_token_loss(
    corpus: TokenizedCorpus, recipe: Recipe, untrained: GPT2LMHeadModel
) -> None:
    student = copy_of(untrained)
    combined = next(distill(student, untrained, corpus, recipe)).loss
    plain = next(pretrain(copy_of(untrained), corpus, recipe)).loss
    assert combined == pytest.approx(2 * plain, rel=1e-3)


@pytest.mark.parametrize("killed_after", [9, 12, 40])
def test_a_killed_run_continues_to_the_same_weights(
    tmp_path: Path,
    corpus: TokenizedCorpus,
    recipe: Recipe,
    untrained: GPT2LMHeadModel,
    killed_after: int,
) -> None:
    killed, resumed = copy_of(untrained), copy_of(untrained)
    list(pretrain(untrained, corpus, recipe))
    checkpointing = Checkpointing(tmp_path / "state.pt", every=4)
    list(islice(pretrain(killed, corpus, recipe, checkpointing=checkpointing), killed_after))
    reports = list(pretrain(resumed, corpus, recipe, checkpointing=checkpointing))
    assert len(reports) == recipe.steps - killed_after // 4 * 4
    assert same_weights(untrained, resumed)
