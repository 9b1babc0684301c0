"""Shares of latents that fire mostly on the tokens of a chat template, overall and by class."""

import numpy as np

from xc.evaluate.class_thresholds import OTHER, SHARED
from xc.evaluate.decoder_pairs import members_of
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap

CUTS = {"third": 1 / 3, "half": 1 / 2}


def _overall(cut: float) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return np.asarray(_share(facts.values["template_fraction"], cut))

    return finish


def _by_class(cut: float, label: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        members = members_of(facts, label)
        fractions = facts.values["template_fraction"]
        return np.array([_share(fractions[column], cut) for column in members.T])

    return finish


def _share(fractions: np.ndarray, cut: float) -> float:
    known = fractions[~np.isnan(fractions)]
    return float((known > cut).mean()) if len(known) else float("nan")


def _metric(word: str, label: str | None) -> Metric:
    """Of all latents that fire, or of those of a class."""
    name = f"template_over_{word}"
    of = "latents that fire" if label is None else f"latents of class {_shown(label)}"
    return Metric(
        name=name if label is None else f"{name}_{_shown(label)}",
        key="" if label is None else f"{name}_{label}",
        scope=Scope.SCALAR if label is None else Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_overall(CUTS[word]) if label is None else _by_class(CUTS[word], label),
        needs=("template_fraction",) if label is None else ("template_fraction", "class"),
        swap=Swap.PARTNER if label is not None and "{" in label else Swap.SAME,
        stepped=True,
        bounds=(0.0, 1.0),
        summary=f"Share of the {of} of whose firing more than one {word} is on template tokens.",
        formula=f"#{{j : template_fraction_j > {_FRACTIONS[word]}}} / #{{j}}, j over {of}.",
        source="Minder et al., A.13 and their code.",
        meaning=(
            "How much of a class is about the form of a chat. Minder et al. find 67 % of chat-only "
            "latents above one third and 40 % above one half."
        ),
        misleads=(
            "To be read against the same share of the other classes, and the share of template "
            "tokens among all rows: where half the tokens are template, half is nothing. Minder et "
            "al.'s 67 % and 40 % are of chat text alone and of v > 1e-3 (v = f·Σ‖d‖); "
            "here it is all measured rows and f > 0: to set beside theirs, measure the chat part "
            "alone, `--keep corpus:CHAT`."
        ),
        undefined="no latent of the class fires, or no measured row is a token of a chat template",
    )


_FRACTIONS = {"third": "1/3", "half": "1/2"}


def _shown(label: str) -> str:
    return label.format(p="a", q="b")


METRICS = tuple(
    _metric(word, label) for word in CUTS for label in (None, SHARED, "{p}_only", "{q}_only", OTHER)
)
