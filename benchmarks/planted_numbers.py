"""What an evaluation says in numbers: summary.json, and what is looked at of its tables."""

import math
import re
from typing import Any

import numpy as np
from planted_scaling import CURVE

from xc.evaluate import Evaluation

LEFT_OUT = re.compile(r".*_ci|(fdr|reproduced|class_threshold)_.*|not_measured")
"""Of summary.json: what is about intervals or null controls."""


def numbers(done: Evaluation) -> dict[str, Any]:
    """summary.json, and what is looked at of twins.parquet and nu_curves.parquet."""
    kept = {k: v for k, v in done.summary.items() if not LEFT_OUT.fullmatch(k)}
    out = {k: math.nan if v is None else v for k, v in kept.items()}
    best, sources = done.twins.column("method") == "hungarian", done.twins.column("sources")
    for end in [key.removeprefix("n_twins") for key in out if re.fullmatch("n_twins(_._.)?", key)]:
        cosines = done.twins.column("cosine")[best & (sources == (end[1:] or "a_b"))]
        out[f"twin_cosine_median{end}"] = float(np.median(cosines)) if len(cosines) else math.nan
    return {**out, **(_curves(done) if "n_twins" in out else {})}


def _curves(done: Evaluation) -> dict[str, int]:
    """Counts of nu_curves.parquet, by class, π and column."""
    frame = done.nu_curves.to_pandas()
    return {
        f"{row['class']} {pi:g} n_{name}": int(row[f"n_{name}"])
        for pi in CURVE
        for row in frame[np.isclose(frame["threshold"], pi)].to_dict("records")
        for name in ("error", "reconstruction", "both")
    }
