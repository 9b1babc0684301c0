"""Where an evaluation of a planted dictionary is not at the truth."""

import math
import re
from collections.abc import Mapping

import numpy as np
from planted_numbers import numbers
from planted_scenes import WHISPER

from xc.evaluate import Evaluation

EXACT = ("n_", "l0_p", "rows", "sinks", "persistence", "peak", "birth")
"""Beginnings of names of which the evaluator has to give the truth itself."""
TOLERANCES: tuple[tuple[str, float, float], ...] = (
    ("^activation_p", 0.0, 1 / 32), ("^false_twin", 0.1, 0.0), ("^alignment.*adjusted", 0.03, 0.0),
    ("^alignment.*chance", 0.02, 0.0), ("chance", 0.0, 0.15), ("", 2e-5, 2e-4),
)  # fmt: skip
"""How far it may be from the truth otherwise: pattern of a name, absolute, relative; the first that
fits. Bins of a sketch; pairs drawn at random; chance levels, in closed form there and by permuting
here; single precision of checkpoint and codes."""


def disagreements(
    truth: Mapping[str, float], columns: Mapping[str, np.ndarray], done: Evaluation
) -> list[str]:
    """Where an evaluation of the planted dictionary is not at the truth; every latent counts.

    Numbers and columns that it has and the truth has not, and the other way round, are told too.
    """
    found, table = numbers(done), done.latents
    names = set(table.to_arrow().column_names) - {"latent", "group"}
    known = {key for key, value in found.items() if not math.isnan(value)}
    strange = [
        f"{key}: no truth is known" for key in (known - truth.keys()) | (names - columns.keys())
    ]
    strange += [f"{key}: not evaluated" for key in (truth.keys() - found.keys())]
    wrong = [
        f"{key}: truth {value}, evaluated {found[key]}" for key, value in truth.items()
        if key in found and not agree(key, np.array(value), np.array(found[key], float))
    ]  # fmt: skip
    # Over so small an activation noise is amplified, and in single precision it is another.
    loud = columns["max_activation"] != np.float32(WHISPER)
    for key in names & columns.keys():
        expected, value = columns[key][loud], table.column(key)[loud]
        if not agree(key, expected, value):
            wrong.append(f"{key}: truth {expected.tolist()}, evaluated {value.tolist()}")
    return sorted([*strange, *wrong])


def agree(key: str, truth: np.ndarray, value: np.ndarray) -> bool:
    if truth.dtype.kind == "U":
        return bool(np.all(truth == value.astype(np.str_)))
    truth, value = truth.astype(np.float64), value.astype(np.float64)
    if key.startswith(EXACT):
        return bool(np.all((truth == value) | (np.isnan(truth) & np.isnan(value))))
    absolute, relative = next(t for of, *t in TOLERANCES if re.search(of, key))
    close = np.abs(truth - value) <= absolute + relative * np.abs(truth)
    return bool(np.all(close | (np.isnan(truth) & np.isnan(value))))
