"""Latents of a class, in an order: against pandas on the same table."""

import pytest

from xc.evaluate import Evaluation
from xc.evaluate.latent_list import PREFERRED, list_latents
from xc.store_schema import RequestError


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
