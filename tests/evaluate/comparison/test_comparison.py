"""Comparing runs: every number is the run's own, and what makes runs unlike is said."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from compared import SETTINGS, copied

from xc.evaluate import Evaluation
from xc.evaluate.comparison import Comparison, compare, comparison_page
from xc.evaluate.comparison.caveats import caveats, unequal_l0
from xc.evaluate.comparison.entry import distinct_names
from xc.evaluate.comparison.matrix import matrices
from xc.evaluate.comparison.shading import shade
from xc.evaluate.report.sources import NamedSource
from xc.store_schema import RequestError


@pytest.fixture
def runs(evaluation: Evaluation, tmp_path: Path) -> list[Path]:
    l0 = evaluation.summary["l0"]
    return [
        copied(evaluation, tmp_path / "one"),
        copied(
            evaluation, tmp_path / "two", train={**SETTINGS, "k": 8},
            l0=2 * l0, l0_ci=[l0, 3 * l0], sharedness=0.25,
        ),
    ]  # fmt: skip


def test_shows_the_numbers_of_the_runs(runs: list[Path]):
    found = compare(runs)
    for entry, run in zip(found.entries, runs, strict=True):
        told = json.loads((run / "evaluation" / "summary.json").read_text())
        shown = {c.key.format(p="a", q="b"): found.cell(entry, c) for c in found.columns}
        assert {"l0", "fve_a", "fve_b", "n_a_only", "sharedness", "alignment"} <= set(shown)
        for key, cell in shown.items():
            assert cell.value == told[key]
            ends = told.get(f"{key}_ci")
            assert cell.bounds == (tuple(ends) if ends else None)


def test_table_tells_settings_that_differ_and_only_those(runs: list[Path]):
    rows = compare(runs).to_arrow().to_pylist()
    assert [row["k"] for row in rows] == ["4", "8"]
    assert "seed" not in rows[0]
    assert [row["unequal_l0"] for row in rows] == [False, True]
    assert rows[1]["l0_high"] == pytest.approx(1.5 * rows[1]["l0"])


def test_marks_unequal_l0_or_refuses_it(runs: list[Path]):
    found = compare(runs)
    assert found.apart == {"two": "one"}
    assert any("L0 is" in caveat and "two" in caveat for caveat in found.caveats)
    page = comparison_page(found)
    assert page.count("≠</abbr>") == 1 + len(matrices(found))
    assert "≠: L0 is not that of one." in page
    with pytest.raises(RequestError, match="train them to the same L0"):
        compare(runs, strict=True)
    assert not compare(runs, l0_tolerance=1.01, strict=True).apart


def test_equal_runs_have_no_caveats(evaluation: Evaluation, tmp_path: Path):
    same = [copied(evaluation, tmp_path / name) for name in ("one", "two")]
    found = compare(same, strict=True)
    assert (found.caveats, found.settings, found.apart) == ((), {}, {})


LOSSES = {"ce_delta_a": 0.1, "ce_recovered_a": 0.9, "ce_delta_b": 0.2, "ce_recovered_b": 0.8}
FLOAT32, BFLOAT16 = ({"dtype": d, "quantize": None, "attn_implementation": None}
                     for d in ("float32", "bfloat16"))  # fmt: skip
FOUR_BITS = {**FLOAT32, "quantize": "4bit"}
NEVER_TOLD = "0123456789abcdef"


def with_losses(evaluation: Evaluation, to: Path, a: object, b: object = FLOAT32) -> Path:
    """Models of A and B ran in these; NEVER_TOLD as evaluations told it before precisions."""
    run = copied(evaluation, to, **LOSSES)
    path = run / "evaluation" / "provenance.json"
    ce = {
        letter: of if of == NEVER_TOLD else {"digest": "0", "precision": of}
        for letter, of in (("a", a), ("b", b))
    }
    path.write_text(json.dumps({**json.loads(path.read_text()), "ce": ce}))
    return run


def test_losses_are_shown_where_a_run_has_them(evaluation: Evaluation, tmp_path: Path):
    plain = copied(evaluation, tmp_path / "plain")
    assert not any(column.of_models for column in compare([plain]).columns)
    assert "unequal_precision" not in compare([plain]).to_arrow().column_names
    found = compare([plain, with_losses(evaluation, tmp_path / "ran", FLOAT32)])
    assert {c.plain for c in found.columns if c.of_models} == LOSSES.keys()
    assert (found.apart_in_precision, found.caveats) == ({}, ())
    cells = {c.plain: [found.cell(e, c).value for e in found.entries] for c in found.columns}
    assert cells["ce_delta_b"] == [None, 0.2]
    assert "≠" not in comparison_page(found)


@pytest.mark.parametrize(
    ("other", "said", "mended"),
    [
        (BFLOAT16, "differs (one: float32; two: A bfloat16, B float32)", True),
        (FOUR_BITS, "differs (one: float32; two: A float32 from 4bit, B float32)", False),
        (
            NEVER_TOLD,
            "differs, or is not known (one: float32; two: A unknown precision, B float32)",
            True,
        ),
    ],
    ids=["type", "weights", "unknown"],
)
def test_losses_of_another_precision_are_marked(
    evaluation: Evaluation, tmp_path: Path, other: object, said: str, *, mended: bool
):
    runs = [with_losses(evaluation, tmp_path / name, FLOAT32) for name in ("one", "same")]
    found = compare([*runs, with_losses(evaluation, tmp_path / "two", other)])
    assert found.apart_in_precision == {"two": "one"}
    (told,) = found.caveats
    assert said in told
    assert ("--dtype float32" in told) == mended
    marked = {(e.run, c.plain) for e in found.entries for c in found.columns if found.mark(e, c)}
    assert marked == {("two", key) for key in LOSSES}
    page = comparison_page(found)
    assert page.count("≠</abbr>") == len(LOSSES)
    assert "≠: the precision is not that of one." in page
    rows = found.to_arrow().to_pylist()
    assert [row["unequal_precision"] for row in rows] == [False, False, True]
    others = compare([runs[0], tmp_path / "two"], metrics=["l0"])
    assert others.caveats == ()


def test_a_precision_that_was_never_told_is_like_no_other(evaluation: Evaluation, tmp_path: Path):
    runs = [
        with_losses(evaluation, tmp_path / name, NEVER_TOLD, NEVER_TOLD) for name in ("one", "two")
    ]
    assert compare(runs).apart_in_precision == {"two": "one"}
    assert compare(runs[:1]).caveats == ()


def test_says_when_text_or_size_differ(runs: list[Path]):
    path = runs[1] / "evaluation" / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "text": "another"}))
    assert any(c.startswith("The text differs") for c in caveats(compare(runs).entries))


def test_says_when_intervals_are_of_another_kind(evaluation: Evaluation, tmp_path: Path):
    runs = [copied(evaluation, tmp_path / name) for name in ("one", "two")]
    assert compare(runs).caveats == ()
    path = runs[1] / "evaluation" / "provenance.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "intervals": "bootstrap"}))
    (found,) = compare(runs).caveats
    assert found == "How intervals are found differs (one: jackknife; two: bootstrap)"
    path = runs[0] / "evaluation" / "provenance.json"
    path.write_text(json.dumps({k: v for k, v in told.items() if k != "intervals"}))
    assert compare(runs).caveats == (found,)  # of before there were two: the same one


@pytest.mark.parametrize(
    ("cuts", "said"),
    [
        ({"class_threshold_shared": 0.2}, "exclusive 0.1, shared 0.2"),
        (
            {"class_threshold_exclusive": None, "class_threshold_shared": 0.2857142857142857},
            "exclusive nowhere, shared 0.285714",
        ),
    ],
)
def test_says_when_classes_are_cut_elsewhere(
    evaluation: Evaluation, tmp_path: Path, cuts: dict[str, object], said: str
):
    same = [copied(evaluation, tmp_path / name) for name in ("one", "two")]
    other = copied(evaluation, tmp_path / "other", **cuts)
    (found,) = compare([*same, other]).caveats
    assert found == (
        f"The cut between classes differs (one, two: exclusive 0.1, shared 0.1; other: {said})"
    )
    single = [replace(e, n_sources=1, summary={"l0": 1.0}) for e in compare([other]).entries]
    assert not any("cut between" in c for c in caveats([*compare(same).entries, *single]))


def test_says_when_held_out_sequences_differ(runs: list[Path]):
    path = runs[1] / "evaluation" / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "heldout_sequences": 5}))
    found = [c for c in caveats(compare(runs).entries) if "held-out sequences" in c]
    assert found[0].endswith("two: 5)")


def test_matrix_holds_every_run_once(runs: list[Path]):
    for matrix in matrices(compare(runs)):
        ((_, (places,)),) = matrix.rows
        assert [place.run for place in places] == ["one", "two"]


def test_a_row_tells_its_pair_and_layers(runs: list[Path]):
    found = compare(runs)
    pairs = [
        tuple(
            NamedSource(x, f"{m}@{layer}", m, layer=layer)
            for x, m in zip("ab", models, strict=True)
        )
        for layer, models in ((2, ("gpt2", "distilgpt2")), (None, ("gpt2", "pythia")))
    ]
    apart = replace(
        found,
        entries=tuple(replace(e, pair=p) for e, p in zip(found.entries, pairs, strict=True)),
    )
    first, second = apart.to_arrow().to_pylist()
    assert (first["run"], first["pair"], second["pair"]) == (
        "one", "gpt2 × distilgpt2", "gpt2 × pythia",
    )  # fmt: skip
    assert [first[f"layer_{x}"] for x in "ab"] == [2, 2]
    assert [second[f"layer_{x}"] for x in "ab"] == [None, None]
    assert [first[f"source_{x}"] for x in "ab"] == ["gpt2@2", "distilgpt2@2"]


def test_false_discovery_rates_are_shown_where_a_run_has_null_controls(
    evaluation: Evaluation, tmp_path: Path
):
    rates = {"fdr_a_only": 0.3, "fdr_a_only_ci": [0.2, 0.45], "fdr_b_only": 1.0,
             "fdr_b_only_ci": [0.9, 1.0]}  # fmt: skip
    plain = copied(evaluation, tmp_path / "plain")
    assert not any("fdr" in c.key for c in compare([plain]).columns)
    found = compare([plain, copied(evaluation, tmp_path / "controlled", **rates)])
    cells = {c.plain: [found.cell(e, c) for e in found.entries] for c in found.columns}
    assert {key for key in cells if "fdr" in key} == {"fdr_a_only", "fdr_b_only"}
    assert [cell.value for cell in cells["fdr_a_only"]] == [None, 0.3]
    assert cells["fdr_a_only"][1].bounds == (0.2, 0.45)
    page = comparison_page(found)
    assert "0.200 to 0.450" in page
    assert found.to_arrow().to_pylist()[1]["fdr_b_only_low"] == 0.9


def test_chosen_keys_are_shown(runs: list[Path]):
    found = compare(runs, metrics=["mse_a", "sharedness"])
    assert [c.key for c in found.columns] == ["mse_a", "sharedness"]
    with pytest.raises(RequestError, match="did you mean 'sharedness'"):
        compare(runs, metrics=["sharednes"])


def test_page_escapes_names(evaluation: Evaluation, tmp_path: Path):
    hostile = copied(evaluation, tmp_path / "<script>alert(1)<")
    page = comparison_page(compare([hostile]))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "http" not in page.replace("http-equiv", "")


def test_nothing_to_compare_is_refused(tmp_path: Path):
    with pytest.raises(RequestError, match="nothing to compare"):
        compare([])
    with pytest.raises(RequestError, match="run `xc evaluate"):
        compare([tmp_path])


def test_names_are_as_short_as_they_may_be():
    paths = [Path("/x/a/run"), Path("/x/b/run"), Path("/x/b/other")]
    assert distinct_names(paths) == ["a/run", "b/run", "b/other"]
    assert distinct_names(paths[:1]) == ["run"]
    assert distinct_names([paths[0], paths[0]]) == ["run", "run"]


def test_missing_l0_is_no_caveat(runs: list[Path]):
    entries: Comparison = compare(runs)
    blank = [entry.__class__(**{**vars(entry), "summary": {}}) for entry in entries.entries]
    assert unequal_l0(blank, tolerance=0.1) == ""


@pytest.mark.parametrize(
    ("value", "hue"), [(0.0, "0"), (1.0, "130"), (0.5, "65"), (-3.0, "0"), (9.0, "130")]
)
def test_shades_run_from_red_to_green(value: float, hue: str):
    assert shade(value).startswith(f"hsl({hue} ")
    assert shade(None) == shade(float("nan")) == ""


def test_an_unknown_l0_is_told_or_refused(evaluation: Evaluation, tmp_path: Path):
    same = [
        copied(evaluation, tmp_path / "one"),
        copied(evaluation, tmp_path / "of mine", l0=None, l0_ci=None),
    ]
    told = f"L0 of of mine was not measured; run `xc evaluate --run '{same[1]}'`"
    assert compare(same).caveats == (told,)
    assert 'run <code>xc evaluate <span class="unbroken">--run ' in comparison_page(compare(same))
    with pytest.raises(RequestError, match="was not measured; run `xc evaluate --run '"):
        compare(same, strict=True)
    assert compare(same[1:], strict=True).caveats == ()
    more = [*same, copied(evaluation, tmp_path / "three", l0=None, l0_ci=None)]
    with pytest.raises(RequestError) as refused:
        compare(more, strict=True)
    assert str(refused.value) == (
        f"L0 of of mine, three was not measured; run `xc evaluate --run '{same[1]}' && "
        f"xc evaluate --run {more[2]}`"
    )


def test_an_l0_of_nothing_is_an_l0(evaluation: Evaluation, tmp_path: Path):
    same = [
        copied(evaluation, tmp_path / "one"),
        copied(evaluation, tmp_path / "two", l0=0.0),
    ]
    with pytest.raises(RequestError, match="train them to the same L0"):
        compare(same, strict=True)


def test_page_shows_keys_with_letters(runs: list[Path]):
    page = comparison_page(compare(runs))
    assert "<code>n_a_only</code>" in page
    assert "{p}" not in page
