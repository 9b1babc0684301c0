"""Latents of a class, in an order: against pandas on the same table."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xc.evaluate import Evaluation
from xc.evaluate.latent_list import ALL_COLUMNS, PREFERRED, list_latents
from xc.store_schema import RequestError, RunLayout


def test_lists_all_latents_by_number(evaluation: Evaluation):
    found = list_latents(evaluation)
    assert found["latent"].to_pylist() == list(range(len(found)))
    assert set(found.column_names) <= set(PREFERRED)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kind", [None, "shared", "b_only"])
def test_equals_pandas(evaluation: Evaluation, kind: str | None, descending: bool):
    frame = evaluation.latents.to_pandas()
    if kind:
        frame = frame[frame["class"] == kind]
    frame = frame.sort_values(
        ["nu_error", "latent"], ascending=[not descending, True], na_position="last"
    )
    found = list_latents(evaluation, kind=kind, sort="nu_error", descending=descending, limit=3)
    assert found["latent"].to_pylist() == frame["latent"].tolist()[:3]
    assert "nu_error" in found.column_names


def test_latents_of_the_first_source_are_measured_along_its_direction(evaluation: Evaluation):
    assert "nu_error_mirror" in list_latents(evaluation, kind="a_only").column_names
    assert "nu_error" not in list_latents(evaluation, kind="a_only").column_names


def test_named_columns_are_shown_in_their_order(evaluation: Evaluation):
    found = list_latents(evaluation, columns=["norm_b", "norm_a"], limit=0)
    assert found.column_names == ["latent", "norm_b", "norm_a"]


def test_a_class_without_latents_gives_an_empty_table(evaluation: Evaluation):
    kinds = set(evaluation.latents.to_arrow()["class"].to_pylist())
    absent = next(k for k in ("dead", "other", "a_only", "shared") if k not in kinds)
    assert len(list_latents(evaluation, kind=absent)) == 0


def test_a_wrong_column_names_a_handful_and_where_all_stand(evaluation: Evaluation):
    with pytest.raises(RequestError) as caught:
        list_latents(evaluation, sort="nonsense")
    assert str(caught.value) == (
        f"no column 'nonsense'; usual ones: {', '.join(PREFERRED)}; {ALL_COLUMNS}"
    )


def test_of_more_sources_every_pair_is_named(tmp_path: Path):
    names = ["latent", *(f"{n}_{p}" for n in ("nu_error", "norm") for p in ("a_b", "a_c", "b_c"))]
    names += ["norm_a", "norm_b", "norm_c", "nu_error_mirror_a_b"]
    run = RunLayout(tmp_path)
    run.evaluation.mkdir()
    pq.write_table(pa.table({name: [0] for name in names}), run.latents_parquet)
    for wish, told in (
        ("nu_error", "no column 'nu_error'; there is one of each source or pair: nu_error_a_b, "
         "nu_error_a_c, nu_error_b_c; all"),
        ("xyz", "usual ones: latent, nu_error_a_b, nu_error_a_c, nu_error_b_c; all"),
        ("nu_eror_a_b", "did you mean 'nu_error_a_b' or 'nu_error_"),
    ):  # fmt: skip
        with pytest.raises(RequestError, match=told):
            list_latents(Evaluation(run), sort=wish)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"sort": "nu_eror"}, "no column 'nu_eror'; did you mean 'nu_error'"),
        ({"columns": ["nrm_a"]}, "no column 'nrm_a'"),
        ({"kind": "sharedd"}, "there is no class 'sharedd'; did you mean 'shared'"),
        ({"kind": "b_onyl"}, "there is no class 'b_onyl'; did you mean 'b_only'"),
        ({"kind": "xyz"}, "known: a_only, b_only, dead, other, shared"),
    ],
)
def test_refuses_what_is_not_there(evaluation: Evaluation, wish: dict[str, str], told: str):
    with pytest.raises(RequestError, match=told):
        list_latents(evaluation, **wish)
