"""Null controls in the report: a page for each that was made, a command for each that was not."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from browser import browse, needs_browser
from pyarrow import parquet

from xc.evaluate import Evaluation
from xc.evaluate.nulls.conditions import conditions
from xc.evaluate.nulls.results import NEEDS, with_nulls
from xc.evaluate.report import data as report_data
from xc.evaluate.report import write_report
from xc.evaluate.report.data import ReportData, read_data
from xc.evaluate.report.null_pages import NullPage
from xc.evaluate.report.nulls import NullControls, null_controls
from xc.evaluate.report.page import render_page
from xc.store_schema import RunLayout

KINDS = ("identical", "permuted", "seeds", "planted")
CLASSES = ("shared", "a_only", "b_only")
ENTRIES: dict[str, Any] = {
    "identical": {
        "n_shared": 500, "n_a_only": 3, "n_b_only": 1, "n_other": 0, "n_dead": 96,
        "sharedness": 0.9996, "alignment_adjusted": None, "l0": 900.0, "fve": 0.81,
        "tokens": 1_000, "tokens_of_run": 4_000_000,
    },
    "permuted": {
        "n_shared": 7, "n_a_only": 301, "n_b_only": 202, "n_other": 0, "n_dead": 90,
        "sharedness": 0.45, "l0": 31.0, "fve": 0.6, "rows": 5_000,
        "tokens": 9_000, "tokens_of_run": 9_000, "asked": {"rows": 6000, "seed": 4},
    },
    "seeds": {
        "seeds": [1, 2], "l0_seed_1": 32.0, "l0_seed_2": 60.0, "fve_seed_2": 0.7,
        "tokens": 1_000, "tokens_of_run": 4_000_000,
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


def shown(data: ReportData) -> NullControls:
    section = null_controls(data)
    assert section is not None
    return section


def pages(data: ReportData) -> dict[str, NullPage]:
    return {page.kind: page for page in shown(data).pages}


def unspanned(html: str) -> str:
    """Without the spans that keep lines from ending within an option."""
    return re.sub(r'<span class="unbroken">(.*?)</span>', r"\1", html)


def page_of(html: str, kind: str) -> str:
    """What stands between the beginning and the end of a control's page."""
    begun = html.partition(f'<section id="null-{kind}"')[2]
    return begun.partition("</section>")[0]


def test_each_control_has_its_own_numbers(make_run: Callable[..., Any]) -> None:
    data = made(make_run, ENTRIES)
    found = pages(data)
    assert tuple(found) == KINDS
    alike, counts = found["identical"].tables
    own = str(data.summary["n_a_only"])
    name, here, there, false, bounds = counts.rows[1]
    assert (name, here, there) == ("A only", own, "3")
    assert false.endswith("%")
    assert " to " in bounds
    assert counts.rows[0] == ("Shared", str(data.summary["n_shared"]), "500", "", "")
    assert alike.rows[0][2] == "900.0 ≠"
    assert alike.rows[1][2] == "0.810"
    assert alike.rows[-1][2] == "–"
    alike, counts = found["permuted"].tables
    assert counts.heads[2] == "B permuted"
    assert counts.rows[0][2] == "7"
    assert counts.rows[0][3].endswith("%")
    assert counts.rows[1][2:] == ("301", "", "")
    assert alike.rows[0][2] == "31.0"
    alike, seeds = found["seeds"].tables
    assert alike.heads == ("", "This run", "Seed 1", "Seed 2")
    assert alike.rows[0] == ("Latents active per row", "31.9", "32.0", "60.0 ≠")
    assert alike.rows[1][2:] == ("–", "0.700")
    assert seeds.caption.startswith("Found again by seeds 1, 2,")
    assert seeds.rows[0][2:4] == ("50.00 %", "40.00 to 60.00 %")
    assert seeds.rows[0][4:] == ("–", "–", "50.00 %", "50.00 %", "0.00 %")
    directions, _ = found["planted"].tables
    assert directions.rows[1] == ("A only", "16", "16", "100.00 %", "2", "88.89 %", "2")
    name, latents, false, bounds, again, _ = shown(data).estimates.rows[1]
    assert (name, again, latents) == ("A only", "50.00 %", own)
    assert false.endswith("%")
    assert " to " in bounds


def test_each_page_says_what_follows(make_run: Callable[..., Any]) -> None:
    data = made(make_run, ENTRIES)
    found = pages(data)
    n, rate = data.summary["n_a_only"], data.summary["fdr_a_only"]
    assert (
        f"Of this run's {n} A-only latents, {rate * n:.1f} would be" in found["identical"].says[0]
    )
    (shared,) = found["permuted"].says
    assert f"Of this run's {data.summary['n_shared']} shared latents, " in shared
    assert f"another seed has {n / 2:.1f} on average" in found["seeds"].says[0]
    assert found["planted"].says[1] == (
        "Of 16 A-only directions 16 are found. Latents called A only: 18, false among them: 2."
    )


def test_each_page_names_its_command(make_run: Callable[..., Any]) -> None:
    found = pages(made(make_run, ENTRIES))
    assert {kind: page.command for kind, page in found.items()} == {
        "identical": "xc null RUN --kind identical --tokens 1000",
        "permuted": "xc null RUN --kind permuted --rows 6000 --seed 4",
        "seeds": "xc null RUN --kind seeds --tokens 1000 --seeds 2",
        "planted": "xc null RUN --kind planted",
    }


def test_every_page_is_in_the_report_and_in_its_contents(make_run: Callable[..., Any]) -> None:
    html = unspanned(render_page(made(make_run, ENTRIES), (), {}))
    contents = html.partition("<nav")[2].partition("</nav>")[0]
    for kind, own in zip(KINDS, ("500", "301", "40.00 to 60.00 %", "88.89 %"), strict=True):
        assert f'href="#null-{kind}"' in contents
        page = page_of(html, kind)
        assert page.startswith(' class="control"')
        assert own in page
        assert f"xc null RUN --kind {kind}" in page
        assert "When it misleads" in page
        assert "<figure" not in page  # nothing is left of these controls but their numbers
        others = {"500", "301", "88.89 %"} - {own}
        assert not [number for number in others if f">{number}<" in page]


def test_what_was_not_made_has_no_page_and_is_named(make_run: Callable[..., Any]) -> None:
    entries = {kind: ENTRIES[kind] for kind in ("identical", "seeds")}
    data = made(make_run, entries)
    assert shown(data).wanted == "xc null RUN --kind permuted,planted"
    html = unspanned(render_page(data, (), {}))
    for kind in ("permuted", "planted"):
        assert f"null-{kind}" not in html
        assert f"<td>not made: <code>xc null RUN --kind {kind}</code></td>" in html


def test_what_makes_them_unlike_the_run_is_said_once(make_run: Callable[..., Any]) -> None:
    html = render_page(made(make_run, ENTRIES), (), {})
    for words, kind in (
        ("900.0 in the control identical", "identical"),
        ("60.0 in that of seed 2", "seeds"),
    ):
        assert words in page_of(html, kind)
        assert html.count(words) == 1
    told = "The controls identical and seeds were trained on 1,000 tokens, this run on 4,000,000"
    assert told in html.partition('<section id="nulls"')[2].partition("</section>")[0]
    assert html.count("trained on 1,000 tokens") == 1
    equal = {**ENTRIES["identical"], "l0": None, "tokens": 4_000_000}
    section = shown(made(make_run, {"identical": equal}))
    assert (section.remarks, section.pages[0].remarks) == ((), ())


def test_controls_evaluated_otherwise_are_left_out(make_run: Callable[..., Any]) -> None:
    other = {"evaluated": {"rows": -1}}
    data = made(make_run, {kind: {**entry, **other} for kind, entry in ENTRIES.items()})
    assert shown(data).pages == ()
    assert shown(data).wanted == "xc null RUN"
    html = unspanned(render_page(data, (), {}))
    assert "evaluated with other thresholds or rows than the run: <code>xc null RUN" in html
    assert "--kind permuted --rows 6000 --seed 4" in html


def test_without_controls_the_command_is_named(make_run: Callable[..., Any]) -> None:
    data = made(make_run, {})
    assert shown(data).pages == ()
    assert [control.why for control in shown(data).listed] == ["not made"] * 4
    assert "<code>xc null RUN</code>" in render_page(data, (), {})


def test_of_three_sources_there_is_none(make_run: Callable[..., Any]) -> None:
    three: dict[str, Any] = {
        "names": ("a@1", "b@1", "c@1"), "widths": (8, 8, 8), "scales": (1.0, 1.0, 1.0)
    }  # fmt: skip
    data = made(make_run, {}, **three)
    assert null_controls(data) is None
    assert 'id="nulls"' not in render_page(data, (), {})


@pytest.fixture(scope="module")
def controlled(make_run: Callable[..., Any]) -> Iterator[Any]:
    """A run whose controls left latents, reports and reproduced.parquet, and its report; the
    checkpoint is none, so that the entries are given as they are."""
    done = make_run(d_sae=240)
    run, table = done.run, done.latents.to_arrow()
    classes = table.column("class").to_pylist()
    counts = {f"n_{name}": classes.count(name) for name in (*CLASSES, "other", "dead")}
    for name in ("identical/run", "permuted/run", "seeds/seed=1", "planted/run_planted"):
        folder = run.nulls / name / "evaluation"
        folder.mkdir(parents=True)
        shutil.copy(run.latents_parquet, folder)
        (folder / "report.html").write_text("")
    again = [float(i % 2) if name != "dead" else None for i, name in enumerate(classes)]
    partners = [7 if share else None for share in again]
    columns = {
        "latent": pa.array(range(240), pa.int32()),
        "class": pa.array(classes),
        "reproduced": pa.array(again),
        "cosine": pa.array([None if share is None else 0.4 + share / 2 for share in again]),
        "partner_seed_1": pa.array(partners, pa.int32()),
        "cosine_seed_1": pa.array([0.9 if share else None for share in again]),
    }
    run.reproduced.parent.mkdir()
    parquet.write_table(pa.table(columns), run.reproduced)
    evaluated = {"evaluated": conditions(done.summary)}
    hostile = {"asked": {"tokens": "<script>document.title='pwned'</script>"}}
    entries = {kind: {**entry, **evaluated} for kind, entry in ENTRIES.items()}
    entries["identical"] |= counts | hostile
    entries["seeds"] |= {"seeds": [1]}
    told = with_nulls(done.summary, entries)
    run.summary.write_text(json.dumps(told))
    done.__dict__.pop("summary")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(report_data, "read_entries", lambda run: entries)
        write_report(done, run=run)
        yield done


def test_what_controls_left_is_shown(controlled: Any) -> None:
    html = controlled.run.report.read_text(encoding="utf-8")
    assert '<figure id="figure-null_identical">' in page_of(html, "identical")
    # The latents that lie there are not those that this entry has counted.
    assert "<figure" not in page_of(html, "permuted")
    assert '<figure id="figure-null_seeds">' in page_of(html, "seeds")
    drawn = {path.name for path in controlled.run.figures.glob("null_*")}
    assert drawn == {f"null_{k}.{e}" for k in ("identical", "seeds") for e in ("png", "svg")}
    for kind, name in (("identical", "run"), ("seeds", "seed=1"), ("planted", "run_planted")):
        address = f"../nulls/{kind}/{name}/evaluation/report.html"
        assert f'<a href="{address}">' in page_of(html, kind)
        assert (controlled.run.evaluation / address).is_file()
    assert "run_none" not in html


def test_exclusive_latents_that_come_back_are_listed(controlled: Any) -> None:
    page = pages(read_data(controlled, run=controlled.run))["seeds"]
    table = controlled.latents.to_arrow().to_pydict()
    of = [i for i, name in zip(table["latent"], table["class"], strict=True) if name == "a_only"]
    back = [i for i in of if i % 2]
    assert page.tables[-1].rows[1][4:6] == (str(len(back)), str(len(of) - len(back)))
    a_only, _ = page.lists
    assert [row[0] for row in a_only.rows] == [str(i) for i in back + [i for i in of if not i % 2]]
    assert a_only.rows[0][1:] == ("1 of 1", "0.900", "7")
    assert a_only.rows[-1][1:] == ("0 of 1", "0.400", "–")
    shown = dict(zip((row[0] for row in a_only.rows), a_only.links, strict=True))
    assert shown[str(of[0])] == f"#latent-{of[0]}"
    assert shown[str(of[-1])] == ""


def test_a_list_of_latents_is_short(controlled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xc.evaluate.report.null_tables.MOST", 2)
    a_only, _ = pages(read_data(controlled, run=controlled.run))["seeds"].lists
    assert len(a_only.rows) == 2
    left = controlled.summary["n_a_only"] - 2
    assert a_only.caption.endswith(f"reproduced.parquet has {left} more")


def test_latents_of_other_seeds_are_not_listed(controlled: Any, tmp_path: Path) -> None:
    run = RunLayout(shutil.copytree(controlled.run.root, tmp_path / "run"))
    assert pages(read_data(controlled, run=run))["seeds"].lists != ()
    table = parquet.read_table(run.reproduced)
    names = ["latent", "class", "reproduced", "cosine", "partner_seed_5", "cosine_seed_5"]
    parquet.write_table(table.rename_columns(names), run.reproduced)
    assert pages(read_data(controlled, run=run))["seeds"].lists == ()


@needs_browser
def test_in_a_browser_each_control_has_a_page(controlled: Any, tmp_path: Path) -> None:
    dom = browse(controlled.run.report.as_uri(), tmp_path, "--dump-dom")
    assert dom.partition("<title>")[2].partition("</title>")[0].endswith("crosscoder report")
    assert "&lt;script&gt;document.title='pwned'" in page_of(dom, "identical")
    for kind in KINDS:
        assert f'<section id="null-{kind}"' in dom
    listed = page_of(dom, "seeds").partition("A-only latents, those found again first")[2]
    assert '<button type="button">Largest cosine</button>' in listed


def test_a_control_s_own_run_leads_back_and_asks_for_none(
    make_run: Callable[..., Any], tmp_path: Path
) -> None:
    made_here = make_run().run
    run = RunLayout(tmp_path / "of mine")
    own = RunLayout(shutil.copytree(made_here.root, run.nulls / "identical" / "run"))
    assert read_data(Evaluation(own), run=own).control_of is None
    (run.nulls / "identical" / "made_from.json").write_text("{}")
    reasons = {"fdr_a_only": f"{NEEDS}: xc null RUN --kind identical", "cka": "too few rows"}
    told = {**json.loads(own.summary.read_text()), "not_measured": reasons}
    own.summary.write_text(json.dumps(told))
    html = page(own)
    assert "This run is a null control: A against A" in html
    assert '<a href="#nulls">Null control</a>' in html
    assert 'id="latents"' in html
    assert "No texts were collected" not in html
    own.examples.unlink()
    bare = page(own)
    assert "No texts were collected for its latents." in bare
    assert "latents" not in re.findall(r'(?:id=|href=)"#?(\w+)"', bare)
    assert "xc null" not in html
    assert "this run is a null control itself" in html
    assert "too few rows" in html
    assert 'href="../../../../evaluation/report.html' not in html
    shutil.copytree(made_here.root, run.root, dirs_exist_ok=True)
    run.report.write_text("")
    address = "../../../../evaluation/report.html"
    assert f'<a href="{address}#null-identical">its page</a>' in page(own)
    assert (own.report.parent / address).resolve() == run.report.resolve()


def page(run: RunLayout) -> str:
    return render_page(read_data(Evaluation(run), run=run), (), {})
