"""The section on null controls: with them, without them, and where there is nothing to control."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xc.evaluate.nulls.conditions import conditions
from xc.evaluate.nulls.results import with_nulls
from xc.evaluate.report.data import ReportData, read_data
from xc.evaluate.report.nulls import null_controls
from xc.evaluate.report.page import render_page

CLASSES = ("shared", "a_only", "b_only")
ENTRIES: dict[str, Any] = {
    "identical": {
        "n_shared": 500, "n_a_only": 3, "n_b_only": 1, "n_other": 0, "n_dead": 96,
        "sharedness": 0.9996, "alignment_adjusted": None, "l0": 900.0, "fve": 0.81,
        "tokens": 1_000, "tokens_of_run": 4_000_000,
    },
    "seeds": {
        "seeds": [1, 2],
        **{f"reproduced_{c}{s}": 0.5 for c in CLASSES for s in ("", "_strict", "_anywhere")},
        **{f"reproduced_{c}_chance": 0.0 for c in CLASSES},
        **{f"reproduced_{c}_ci": [0.4, 0.6] for c in CLASSES},
    },
    "planted": {
        "directions": [48, 16, 16],
        **{f"recall_{c}": 1.0 for c in CLASSES},
        **{f"{p}false_{c}": 2 for c in CLASSES for p in ("", "none_")},
    },
}  # fmt: skip


def made(make_run: Callable[..., Any], entries: dict[str, Any], **wish: Any) -> ReportData:
    run = make_run(**wish)
    data = read_data(run, run=run.run)
    evaluated = conditions(data.summary)
    entries = {kind: {"evaluated": evaluated, **entry} for kind, entry in entries.items()}
    return replace(data, nulls=entries, summary=with_nulls(data.summary, entries))


def test_what_was_made_is_shown(make_run: Callable[..., Any]) -> None:
    data = made(make_run, ENTRIES)
    section = null_controls(data)
    assert section is not None
    assert section.missing == ("permuted",)
    counts, seeds, planted = section.tables
    assert counts.heads == ("", "This run", "A against A")
    assert counts.rows[0][0] == "Latents active per row"
    assert counts.rows[0][2] == "900.0 ≠"
    assert counts.rows[1][2] == "0.810"
    assert counts.rows[3][0] == "A-only latents"
    assert counts.rows[3][2] == "3"
    assert counts.rows[-1][2] == "–"
    assert seeds.caption == "Found again by seeds 1, 2"
    assert seeds.rows[0] == ("Shared", "50.00 %", "50.00 %", "50.00 %", "0.00 %")
    assert planted.rows[1] == ("A only", "16", "100.00 %", "2", "2")
    name, latents, false, bounds, again, _ = section.estimates.rows[1]
    assert (name, again) == ("A only", "50.00 %")
    assert latents.isdigit()
    assert false.endswith("%")
    assert " to " in bounds


def test_the_page_has_the_section(make_run: Callable[..., Any]) -> None:
    page = render_page(made(make_run, ENTRIES), (), {})
    assert 'href="#nulls"' in page
    assert "Not made: permuted" in page
    assert "--kind permuted" in page


def test_what_makes_them_unlike_the_run_is_said(make_run: Callable[..., Any]) -> None:
    page = render_page(made(make_run, ENTRIES), (), {})
    assert "and 900.0 in the control identical" in page
    assert "trained on 1,000 tokens, this run on 4,000,000" in page
    equal = {**ENTRIES["identical"], "l0": None, "tokens": 4_000_000}
    section = null_controls(made(make_run, {"identical": equal}))
    assert section is not None
    assert section.remarks == ()


def test_controls_evaluated_otherwise_are_left_out(make_run: Callable[..., Any]) -> None:
    other = {"evaluated": {"rows": -1}}
    data = made(make_run, {kind: {**entry, **other} for kind, entry in ENTRIES.items()})
    section = null_controls(data)
    assert section is not None
    assert section.tables == section.remarks == ()
    assert section.stale == ("identical", "seeds", "planted")
    assert section.missing == ("permuted",)
    assert "Left out: identical, seeds, planted, evaluated with" in render_page(data, (), {})


def test_without_controls_the_command_is_named(make_run: Callable[..., Any]) -> None:
    data = made(make_run, {})
    section = null_controls(data)
    assert section is not None
    assert section.tables == ()
    assert section.missing == ("identical", "permuted", "seeds", "planted")
    assert "<code>xc null RUN</code>" in render_page(data, (), {})


def test_of_three_sources_there_is_none(make_run: Callable[..., Any]) -> None:
    three: dict[str, Any] = {
        "names": ("a@1", "b@1", "c@1"), "widths": (8, 8, 8), "scales": (1.0, 1.0, 1.0)
    }  # fmt: skip
    data = made(make_run, {}, **three)
    assert null_controls(data) is None
    assert 'id="nulls"' not in render_page(data, (), {})
