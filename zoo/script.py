"""What the makers' command lines share: options, log lines, the record of the training run."""

import argparse
import dataclasses
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from xc.zoo.card import update_card
from xc.zoo.corpora import documents, fingerprint
from xc.zoo.loop import StepReport
from xc.zoo.recipe import Recipe
from xc.zoo.tokens import load_bpe
from xc.zoo.train_tokenizer import make_tokenizer
from xc.zoo.windows import TokenizedCorpus, tokenize

CORPUS = "stdlib-train"


@dataclass(frozen=True)
class Options:
    """A maker's command line, read."""

    recipe: Recipe
    """What to train."""
    out: Path
    """Folder of the finished model."""
    work: Path
    """Folder of the state that a killed run continues from."""
    device: str
    """Torch device."""


def maker_parser(description: str | None, *, recipe: Recipe, out: Path) -> argparse.ArgumentParser:
    """The options that every maker has; a maker may add its own."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=out, help="folder of the finished model")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/zoo"), help="where a killed run left its state"
    )
    parser.add_argument("--tokens", type=int, default=recipe.tokens, help="positions to train on")
    parser.add_argument("--seed", type=int, default=recipe.seed)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser


def options(given: argparse.Namespace, recipe: Recipe) -> Options:
    """What `maker_parser` read; `recipe` gives what has no option."""
    return Options(
        recipe=dataclasses.replace(recipe, tokens=given.tokens, seed=given.seed),
        out=given.out,
        work=given.work,
        device=given.device,
    )


def prepare_tokenizer(folder: Path, *, like: Path | None = None) -> None:
    """Have a tokenizer in the folder: the one there, a copy of another model's, or a new one."""
    if (folder / "tokenizer.json").exists():
        return
    if like is None:
        make_tokenizer(folder, corpus=CORPUS)
        return
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*like.glob("tokenizer*.json"), *like.glob("chat_template*")]:
        shutil.copyfile(path, folder / path.name)


def tokenized(folder: Path) -> TokenizedCorpus:
    """The training corpus in the tokens of a model folder."""
    return tokenize(documents(CORPUS), load_bpe(folder))


def run(reports: Iterator[StepReport], recipe: Recipe, *, every: int = 50) -> StepReport:
    """Go through a training run, printing the mean loss of each `every` steps.

    A run whose saved state is already at its end makes no step, and reports nothing.
    """
    report = StepReport(recipe.steps, float("nan"), 0.0)
    total, count = 0.0, 0
    for report in reports:
        total, count = total + report.loss, count + 1
        if report.step % every == 0 or report.step == recipe.steps:
            rate = report.step * recipe.batch_size * recipe.length / report.seconds
            print(
                f"step {report.step}/{recipe.steps}  loss {total / count:.4f}  "
                f"{report.seconds:.0f} s  {rate:.0f} tokens/s",
                flush=True,
            )
            total, count = 0.0, 0
    return report


def write_training(folder: Path, recipe: Recipe, last: StepReport, *, device: str) -> None:
    """Record in the model's card how it was trained."""
    update_card(
        folder,
        training={
            **dataclasses.asdict(recipe),
            "steps": recipe.steps,
            "seconds": round(last.seconds),
            "device": torch.device(device).type,
            "threads": torch.get_num_threads(),
            "corpus": CORPUS,
            "corpus_fingerprint": fingerprint(CORPUS),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    )
