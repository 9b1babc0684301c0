"""nu_curves.parquet against plain counts of latents.parquet."""

import numpy as np
import pyarrow.parquet as pq
from evaluating import make_world
from measured import Case

from xc.evaluate import Evaluation
from xc.evaluate.facts import Facts
from xc.evaluate.nu_curves import SCHEMA, nu_curves


def test_counts_are_those_of_the_latents(case: Case, evaluation: Evaluation) -> None:
    latents = evaluation.latents.to_pandas()
    rows = pq.read_table(case.run.nu_curves).to_pylist()
    assert len(rows) == 3 * 101
    for row in rows[::7]:
        end = "_mirror" if row["class"] == "a_only" else ""
        error, reconstruction = f"nu_error{end}", f"nu_reconstruction{end}"
        own = latents[latents["class"] == row["class"]].dropna(subset=[error, reconstruction])
        below = [own[name] < row["threshold"] for name in (error, reconstruction)]
        assert row["n"] == len(own)
        assert row["n_error"] == below[0].sum()
        assert row["n_reconstruction"] == below[1].sum()
        assert row["n_both"] == (below[0] & below[1]).sum()


def test_curves_rise_from_zero_to_one() -> None:
    table = nu_curves(make_world(80, 150).facts()).to_pandas()
    for _, curve in table.groupby("class"):
        assert curve["threshold"].tolist() == (np.arange(101) / 100).tolist()
        for name in ("n_error", "n_reconstruction", "n_both"):
            assert curve[name].is_monotonic_increasing
        assert (curve["n_both"] <= curve[["n_error", "n_reconstruction"]].min(axis=1)).all()
        assert (curve["n_error"] <= curve["n"]).all()


def test_every_pair_of_more_sources_has_its_own() -> None:
    table = nu_curves(make_world(widths=(5, 5, 7)).facts())
    found = {(r["sources"], r["class"]) for r in table.to_pylist()}
    assert ("b_c", "c_only") in found
    assert len(found) == 9


def test_what_was_not_measured_gives_an_empty_table() -> None:
    assert nu_curves(Facts(make_world().decoder)) == SCHEMA.empty_table()
