"""Makes `zoo:base`: trains a small GPT-2 on `zoo:stdlib-train`: `python -m xc.zoo.pretrain`.

About half an hour on two CPU cores. A killed run continues from `--work`.
"""

from collections.abc import Iterator, Sequence

from torch import Tensor
from transformers import GPT2LMHeadModel

from xc.zoo.language_model import hidden_states, logits, new_model, save_model
from xc.zoo.loop import Checkpointing, StepReport, train
from xc.zoo.losses import cross_entropy
from xc.zoo.models import CONTEXT, VOCAB_SIZE, model_folder
from xc.zoo.recipe import Recipe
from xc.zoo.script import maker_parser, options, prepare_tokenizer, run, tokenized, write_training
from xc.zoo.windows import TokenizedCorpus

RECIPE = Recipe(tokens=24_000_000, learning_rate=3e-3)
"""Between eight and nine passes over the training part of the corpus."""


def new_base(*, seed: int) -> GPT2LMHeadModel:
    """`zoo:base` before training: 4 layers of width 128, 4 heads."""
    return new_model(
        vocab_size=VOCAB_SIZE, context=CONTEXT, n_layers=4, d_model=128, n_heads=4, seed=seed
    )


def pretrain(
    model: GPT2LMHeadModel,
    corpus: TokenizedCorpus,
    recipe: Recipe,
    *,
    checkpointing: Checkpointing | None = None,
) -> Iterator[StepReport]:
    """Train in place by next-token cross-entropy; the reported loss is in nats per token."""

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        scores = logits(model, hidden_states(model, inputs).flatten(0, 1))
        return cross_entropy(scores, targets.flatten())

    return train(model, loss, corpus, recipe, checkpointing=checkpointing)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; `argv` instead of the process's arguments."""
    given = maker_parser(__doc__, recipe=RECIPE, out=model_folder("base")).parse_args(argv)
    asked = options(given, RECIPE)
    prepare_tokenizer(asked.out)
    corpus = tokenized(asked.out)
    model = new_base(seed=asked.recipe.seed).to(asked.device)
    checkpointing = Checkpointing(asked.work / "base.pt")
    last = run(pretrain(model, corpus, asked.recipe, checkpointing=checkpointing), asked.recipe)
    save_model(model, asked.out)
    write_training(asked.out, asked.recipe, last, device=asked.device)


if __name__ == "__main__":
    main()
