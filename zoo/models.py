"""The table of the embedded models, and where their weights lie."""

from dataclasses import dataclass
from pathlib import Path

from xc.zoo.names import look_up

VOCAB_SIZE = 4096
"""Tokens of the models' common tokenizer, special tokens included."""

CONTEXT = 256
"""Longest sequence of the models, in tokens, BOS included."""


@dataclass(frozen=True)
class ZooModel:
    """One embedded language model."""

    name: str
    """What follows `zoo:` in a model reference; also the name of its folder."""
    description: str
    """One sentence for the user."""
    made_by: str
    """The command that makes it again."""
    parent: str | None = None
    """The embedded model it was made from, if any."""
    relation: str | None = None
    """What was done to the parent."""


MODELS: tuple[ZooModel, ...] = (
    ZooModel(
        "base",
        "GPT-2 architecture, 4 layers of width 128, trained on the Python standard library.",
        made_by="python -m xc.zoo.pretrain",
    ),
    ZooModel(
        "distilled",
        "2 layers of width 128, distilled from zoo:base as DistilGPT2 was from GPT-2.",
        made_by="python -m xc.zoo.distill",
        parent="base",
        relation="distillation",
    ),
)


def model(name: str) -> ZooModel:
    """The embedded model of this name.

    Raises:
        RequestError: if there is none; the message lists those there are.
    """
    return look_up(name, {m.name: m for m in MODELS}, kind="model")


def model_folder(name: str) -> Path:
    """The folder of a model, for `from_pretrained`; beside this file, in a wheel as well."""
    return Path(__file__).parent / "weights" / model(name).name
