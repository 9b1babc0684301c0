"""Keys of summary.json that no metric fills: asked for alone, they come out as in a full one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from measured import Case

from xc.evaluate.metrics import METRICS
from xc.evaluate.other_keys import elsewhere, following, of_group
from xc.evaluate.selection import select
from xc.evaluate.summary import LEFT_OUT
from xc.store_schema import Checkpoint, RequestError


def in_groups(checkpoint: Checkpoint) -> Checkpoint:
    """The planted truth, its first 10 latents those of all sources."""
    parts = (("plain", 0, 10, [0, 1]), ("exclusive", 10, 14, [0]), ("exclusive", 14, 18, [1]))
    groups: tuple[dict[str, Any], ...] = tuple(
        {"name": name, "start": a, "stop": b, "sources": s, "penalty": 1.0, "tied": False}
        for name, a, b, s in parts
    )
    return replace(checkpoint, partition=groups)


@pytest.mark.parametrize(
    ("widths", "mend", "keys"),
    [
        (
            (16, 16),
            in_groups,
            (
                "l0_group_plain", "n_shared_group_plain", "n_dead_group_exclusive_a",
                "n_alive_group_exclusive_b", "n_twins", "twin_divergence_median_04_01",
                "fve_b_ci",
            ),
        ),
        ((8, 8, 8), lambda c: c, ("n_twins_a_c", "sharedness_b_c", "n_c_only", "n_persistence_2")),
    ],
)  # fmt: skip
def test_a_key_asked_for_alone_is_as_in_a_full_summary(
    make_case: Callable[..., Case],
    widths: tuple[int, ...],
    mend: Callable[[Checkpoint], Checkpoint],
    keys: tuple[str, ...],
) -> None:
    case = make_case(widths=widths, mend=mend)
    full = case.evaluate().summary
    for key in keys:
        assert key in full
        found = case.evaluate(metrics=(key,)).summary
        assert found["not_measured"].get(key) != LEFT_OUT
        assert found[key] == full[key]
    told = {key: refusal(key, len(widths)) for key in full if not key.startswith("ce_")}
    assert {key.split("_")[0] for key, why in told.items() if why} <= {
        "rows", "sinks", "class", "not", "fdr", "reproduced",
    }  # fmt: skip
    assert all("; run `xc null" in why or "; leave it out" in why for why in told.values() if why)


def refusal(key: str, n_sources: int) -> str:
    try:
        select(METRICS, (key,), n_sources)
    except RequestError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("fdr_b_only", "run `xc null RUN --kind identical`"),
        ("fdr_shared_ci", "run `xc null RUN --kind permuted`"),
        ("reproduced_a_only", "run `xc null RUN --kind seeds`"),
        ("rows_role_user", "stands in every summary.json; leave it out"),
        ("class_threshold_shared", "stands in every summary.json; leave it out"),
    ],
)
def test_what_comes_from_elsewhere_is_refused_with_what_to_do(key: str, says: str) -> None:
    with pytest.raises(RequestError, match=f"--metrics: '{key}' .*{says}"):
        select(METRICS, ("l0", key))


def test_groups_are_those_that_there_can_be() -> None:
    assert of_group("n_alive_group_exclusive_a", 1) == ("frequency",)
    assert of_group("n_c_only_group_exclusive_a_c", 3) == ("class",)
    for word in ("n_c_only_group_plain", "n_shared_group_sahred", "fve_group_plain", "l0_group_"):
        assert of_group(word, 2) == ()
        with pytest.raises(RequestError, match="unknown metric"):
            select(METRICS, (word,))


def test_nothing_else_comes_from_elsewhere() -> None:
    assert not any(elsewhere(metric.name) for metric in METRICS)
    assert not any(elsewhere(key) for n in (1, 2, 3) for key, _ in following(n))
