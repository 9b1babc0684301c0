"""Learns the tokenizer from `zoo:stdlib-train`: `python -m xc.zoo.train_tokenizer`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from xc.zoo.corpora import documents
from xc.zoo.models import CONTEXT, VOCAB_SIZE, model_folder
from xc.zoo.tokens import save_tokenizer, train_bpe


def make_tokenizer(folder: Path, *, corpus: str = "stdlib-train") -> None:
    """Learn the tokenizer from a corpus and save it where `AutoTokenizer` finds it."""
    tokenizer = train_bpe(documents(corpus), vocab_size=VOCAB_SIZE)
    save_tokenizer(tokenizer, folder, context=CONTEXT)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line; `argv` instead of the process's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=model_folder("base"))
    arguments = parser.parse_args(argv)
    make_tokenizer(arguments.out)
    print(f"tokenizer written to {arguments.out}")


if __name__ == "__main__":
    main()
