"""Aggregations of the latent table against DuckDB, which knows nothing of this program."""

import duckdb
import numpy as np
import pytest
from measured import Case

from xc.evaluate import Evaluation
from xc.evaluate.activation_sketch import RELATIVE_ERROR

LATENTS = """
    select latent, count(*) as fired, sum(activation) as total, max(activation) as largest,
        quantile_disc(activation, 0.5) as p50, quantile_disc(activation, 0.9) as p90,
        quantile_disc(activation, 0.99) as p99
    from read_parquet(?) where activation > 0 group by latent order by latent
"""
ROWS = """
    with rows as (select unnest(range(?, ?)) as row),
        fired as (select row, count(*) as n from read_parquet(?) where activation > 0 group by row)
    select avg(k), quantile_disc(k, 0.05), quantile_disc(k, 0.5), quantile_disc(k, 0.95)
    from (select coalesce(n, 0) as k from rows left join fired using (row))
"""


@pytest.fixture(scope="module")
def by_latent(case: Case) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = duckdb.execute(LATENTS, [files(case)]).fetchnumpy()
    return found


def files(case: Case) -> str:
    return str(case.run.latents / "*.parquet")


def heldout(case: Case) -> tuple[int, int]:
    ((start, stop),) = case.store.splits["heldout"]
    return start, stop


def test_what_a_latent_sums_up_to(
    case: Case, evaluation: Evaluation, by_latent: dict[str, np.ndarray]
) -> None:
    start, stop = heldout(case)
    for column, expected in (
        ("frequency", by_latent["fired"] / (stop - start)),
        ("mean_activation", by_latent["total"] / (stop - start)),
        ("max_activation", by_latent["largest"]),
    ):
        found = evaluation.latents.column(column)[by_latent["latent"]]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("percent", [50, 90, 99])
def test_quantiles_of_activations(
    evaluation: Evaluation, by_latent: dict[str, np.ndarray], percent: int
) -> None:
    found = evaluation.latents.column(f"activation_p{percent}")
    expected = by_latent[f"p{percent}"]
    np.testing.assert_allclose(found[by_latent["latent"]], expected, rtol=RELATIVE_ERROR)
    dead = np.setdiff1d(np.arange(len(found)), by_latent["latent"])
    assert np.isnan(found[dead]).all()


def test_latents_of_a_row(case: Case, evaluation: Evaluation) -> None:
    start, stop = heldout(case)
    assert np.asarray(case.store.rows.mask[start:stop]).all()
    told = duckdb.execute(ROWS, [start, stop, files(case)]).fetchone()
    found = [evaluation.summary[key] for key in ("l0", "l0_p05", "l0_p50", "l0_p95")]
    assert found == pytest.approx(told)
