"""Makes `zoo:distilled` from `zoo:base`, as DistilGPT2 was: `python -m xc.zoo.distill`.

The student has every second block of its teacher, and starts from the teacher's weights. Its loss
is the weighted sum of the softmax KL at temperature 2, the cross-entropy of the next token, and
the cosine distance of the last hidden states (Sanh et al. 2019, "DistilBERT", section 3).
About a quarter of an hour on two CPU cores. A killed run continues from `--work`.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from xc.zoo.language_model import hidden_states, load_model, logits, save_model
from xc.zoo.loop import Checkpointing, StepReport, train
from xc.zoo.losses import cosine_distance, cross_entropy, softmax_kl
from xc.zoo.models import model_folder
from xc.zoo.recipe import Recipe
from xc.zoo.script import maker_parser, options, prepare_tokenizer, run, tokenized, write_training
from xc.zoo.windows import IGNORED, TokenizedCorpus

RECIPE = Recipe(tokens=10_000_000, learning_rate=2e-3, clip_norm=5.0, seed=1)
"""Between three and four passes; the gradient is a sum of three, hence the larger norm."""


@dataclass(frozen=True)
class LossWeights:
    """How the three losses are added; the values of DistilBERT's and DistilGPT2's script."""

    kl: float = 5.0
    """Weight of the softmax KL."""
    next_token: float = 2.0
    """Weight of the cross-entropy against the text."""
    cosine: float = 1.0
    """Weight of the cosine distance of the last hidden states."""
    temperature: float = 2.0
    """Softens teacher and student in the KL."""


def new_student(teacher: GPT2LMHeadModel) -> GPT2LMHeadModel:
    """A student with blocks 0, 2, 4, … of the teacher, its embeddings and its final norm."""
    config = copy.deepcopy(teacher.config)
    config.n_layer = (teacher.config.n_layer + 1) // 2
    student = GPT2LMHeadModel(config)
    student.transformer.wte.load_state_dict(teacher.transformer.wte.state_dict())
    student.transformer.wpe.load_state_dict(teacher.transformer.wpe.state_dict())
    student.transformer.ln_f.load_state_dict(teacher.transformer.ln_f.state_dict())
    for block, of_teacher in zip(student.transformer.h, teacher.transformer.h[::2], strict=True):
        block.load_state_dict(of_teacher.state_dict())
    return student


def distill(
    student: GPT2LMHeadModel,
    teacher: GPT2LMHeadModel,
    corpus: TokenizedCorpus,
    recipe: Recipe,
    *,
    weights: LossWeights | None = None,
    checkpointing: Checkpointing | None = None,
) -> Iterator[StepReport]:
    """Train the student in place; the reported loss is the weighted sum."""
    weights = LossWeights() if weights is None else weights
    teacher.eval().requires_grad_(False)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        kept = targets.flatten() != IGNORED
        hidden = hidden_states(student, inputs).flatten(0, 1)[kept]
        with torch.no_grad():
            hidden_of_teacher = hidden_states(teacher, inputs).flatten(0, 1)[kept]
            of_teacher = logits(teacher, hidden_of_teacher)
        of_student = logits(student, hidden)
        return (
            weights.kl * softmax_kl(of_student, of_teacher, temperature=weights.temperature)
            + weights.next_token * cross_entropy(of_student, targets.flatten()[kept])
            + weights.cosine * cosine_distance(hidden, hidden_of_teacher)
        )

    return train(student, loss, corpus, recipe, checkpointing=checkpointing)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; `argv` instead of the process's arguments."""
    parser = maker_parser(__doc__, recipe=RECIPE, out=model_folder("distilled"))
    parser.add_argument(
        "--teacher", type=Path, default=model_folder("base"), help="folder of the teacher"
    )
    given = parser.parse_args(argv)
    asked = options(given, RECIPE)
    prepare_tokenizer(asked.out, like=given.teacher)
    corpus = tokenized(asked.out)
    teacher = load_model(given.teacher).to(asked.device)
    student = new_student(teacher).to(asked.device)
    checkpointing = Checkpointing(asked.work / "distilled.pt")
    reports = distill(student, teacher, corpus, asked.recipe, checkpointing=checkpointing)
    last = run(reports, asked.recipe)
    save_model(student, asked.out)
    write_training(asked.out, asked.recipe, last, device=asked.device)


if __name__ == "__main__":
    main()
