"""`xc latents` and `xc compare` as typed, on an evaluated run."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import planted
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from measured import Case
from rich.console import Console
from typer.testing import CliRunner, Result

from xc.cli.latents import print_latents
from xc.cli.main import build_app
from xc.cli.null_results import print_nulls
from xc.cli.results import print_evaluation
from xc.evaluate import Evaluation
from xc.evaluate.latent_list import list_latents
from xc.evaluate.nulls.conditions import conditions
from xc.evaluate.nulls.results import write_entry
from xc.evaluate.report.data import read_data
from xc.evaluate.report.headline import headline_rows
from xc.evaluate.report.nulls import null_controls
from xc.evaluate.report.numbers import in_form
from xc.store_schema import RunLayout


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root = tmp_path_factory.mktemp("tables")
    plan = planted.make_plan(n_sequences=60)
    truth = planted.make_truth(plan.n_rows, widths=(16, 16))
    store = planted.write_store(root / "acts.zarr", truth, plan, noise=0.2)
    checkpoint = planted.true_crosscoder(truth, store)
    run = planted.write_run(root / "run", checkpoint, store)
    return Case(truth, store, checkpoint, run).evaluate()


def typed(*words: object) -> Result:
    return CliRunner().invoke(build_app([str(words[0])]), list(map(str, words)))


def test_lists_latents_with_their_text(evaluation: Evaluation):
    done = typed("latents", evaluation.run.root, "--class", "b_only", "--sort", "nu_error")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["latent", "class"]
    assert "fires on" in lines[0]
    frame = evaluation.latents.to_pandas()
    ordered = frame[frame["class"] == "b_only"].sort_values("nu_error")["latent"].tolist()
    assert [int(line.split()[0]) for line in lines[1:-1]] == ordered[:20]
    assert lines[-1] == f"{min(20, len(ordered))} of {len(frame)} latents"


def test_prints_latents_for_machines(evaluation: Evaluation):
    done = typed(
        "latents", evaluation.run.root, "--json", "--limit", 0, "--columns", "norm_a,cosine"
    )
    found = json.loads(done.stdout)
    table = evaluation.latents.to_arrow().select(["latent", "norm_a", "cosine"])
    assert found == table.to_pylist()


def test_every_column_can_be_asked_for(evaluation: Evaluation):
    done = typed("latents", evaluation.run.root, "--json", "--columns", "all", "--limit", 1)
    assert list(json.loads(done.stdout)[0]) == evaluation.latents.to_arrow().column_names


def test_a_wrong_column_is_one_line(evaluation: Evaluation):
    done = typed("latents", evaluation.run.root, "--sort", "frequncy")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "did you mean 'frequency'" in done.stderr


def test_a_run_that_was_not_evaluated_is_refused(tmp_path: Path):
    (tmp_path / "checkpoint").mkdir()
    for command in ("latents", "compare"):
        done = typed(command, tmp_path)
        assert done.exit_code == 2
        assert "run `xc evaluate --run" in done.stderr


def test_compares_runs_and_writes_page_and_table(evaluation: Evaluation, tmp_path: Path):
    for name in ("one", "two"):
        shutil.copytree(evaluation.run.root, tmp_path / name)
    done = typed("compare", tmp_path / "one", tmp_path / "two")
    assert done.exit_code == 0
    assert ["one", "two"] in [line.split() for line in done.stdout.splitlines()[:3]]
    assert "<table" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["one", "two"]
    assert float(rows[0]["sharedness"]) == evaluation.summary["sharedness"]


def test_a_folder_of_runs_is_all_of_them(evaluation: Evaluation, tmp_path: Path):
    for name in ("k=8", "k=4"):
        shutil.copytree(evaluation.run.root, tmp_path / name)
        (tmp_path / name / "config.yaml").write_text("train: {}\n")
    done = typed("compare", tmp_path, "--out", tmp_path / "out", "--metrics", "l0")
    assert done.exit_code == 0, done.output
    assert ["k=4", "k=8"] in [line.split() for line in done.stdout.splitlines()[:3]]
    assert (tmp_path / "out" / "comparison.html").is_file()


def test_unequal_or_unknown_l0_is_refused_when_strict(evaluation: Evaluation, tmp_path: Path):
    for name in ("one", "two"):
        shutil.copytree(evaluation.run.root, tmp_path / name)
    path = tmp_path / "two" / "evaluation" / "summary.json"
    path.write_text(json.dumps({**evaluation.summary, "l0": None}))
    done = typed("compare", tmp_path / "one", tmp_path / "two", "--strict")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"xc: L0 of two was not measured; run `xc evaluate --run {tmp_path / 'two'}`\n"
    )
    done = typed("compare", tmp_path / "one", tmp_path / "two")
    assert done.exit_code == 0
    assert "note: L0 of two was not measured" in done.stdout


def test_losses_of_another_precision_are_marked(evaluation: Evaluation, tmp_path: Path):
    for name, dtype in (("one", "float32"), ("two", "bfloat16")):
        shutil.copytree(evaluation.run.root, tmp_path / name)
        run = RunLayout(tmp_path / name)
        run.summary.write_text(json.dumps({**evaluation.summary, "ce_delta_a": 0.125}))
        path = run.evaluation / "provenance.json"
        ran = {"dtype": dtype, "quantize": None, "attn_implementation": None}
        told = {**evaluation.provenance, "ce": {"a": {"digest": "", "precision": ran}}}
        path.write_text(json.dumps(told))
    done = typed("compare", tmp_path / "one", tmp_path / "two")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Loss added A"))
    assert line.split()[-3:] == ["0.125", "0.125", "≠"]
    assert "note: The precision in which models ran for ce_* differs" in done.stdout


def test_a_place_that_cannot_be_written_is_refused_before_the_table(
    evaluation: Evaluation, tmp_path: Path
):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "x", Path("/proc/x")):
        done = typed("compare", evaluation.run.root, "--out", place)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"xc: --out {place}: cannot make this folder (")


def test_columns_that_do_not_fit_a_terminal_become_blocks(evaluation: Evaluation):
    whole = evaluation.latents.to_arrow()
    found = list_latents(evaluation, columns=whole.column_names, limit=2)
    said = printed(found, evaluation, width=140)
    assert [line for line in said if line.startswith("latent: ")] == ["latent: 0", "latent: 1"]
    assert sum(line.startswith("nu_reconstruction: ") for line in said) == 2
    assert any(line.startswith("fires on: ") for line in said)
    assert said[-1] == f"2 of {len(whole)} latents"


def test_the_usual_columns_are_a_table_with_whole_words(evaluation: Evaluation):
    found = list_latents(evaluation, limit=3)
    for width, last in ((200, "fires on"), (100, "fires on"), (80, "fires on"), (70, "")):
        said = printed(found, evaluation, width=width)
        heads, body = said[:-4], said[-4:-1]
        assert len(heads) == (1 if width == 200 else 2)
        assert last in heads[-1]
        for line, row in zip(body, found.to_pylist(), strict=True):
            values = [in_form(v, ".4g") if isinstance(v, float) else str(v) for v in row.values()]
            assert line.split()[: len(values)] == values
        assert said[-1].endswith("a wider terminal shows what they fire on") == (width == 70)
    assert "class: shared" in printed(found, evaluation, width=40)


def test_latents_without_text_say_why(evaluation: Evaluation, tmp_path: Path):
    run = RunLayout(shutil.copytree(evaluation.run.root, tmp_path / "run"))
    frequency = evaluation.latents.column("frequency").copy()
    frequency[1] = 0
    table = evaluation.latents.to_arrow()
    at = table.column_names.index("frequency")
    pq.write_table(table.set_column(at, "frequency", pa.array(frequency)), run.latents_parquet)
    kept = evaluation.examples.to_arrow()
    pq.write_table(kept.filter(pc.greater(kept["latent"], 2)), run.examples)
    found = list_latents(Evaluation(run), limit=4)
    said = printed(found, Evaluation(run), width=200)
    assert said[-1] == (
        "no text of what 3 of them fire on: dead on the rows that were measured (1), no example "
        "was kept (2; `xc evaluate` keeps those of --latents-per-class latents of each class)"
    )
    pq.write_table(kept.slice(0, 0), run.examples)
    said = printed(found, Evaluation(run), width=200)
    assert said[-1].startswith("no text of what they fire on: this evaluation kept no examples")


def printed(found: pa.Table, evaluation: Evaluation, *, width: int) -> list[str]:
    console = Console(width=width, force_terminal=True, no_color=True, file=io.StringIO())
    print_latents(console, found, evaluation)
    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[\d;]*m", "", console.file.getvalue())
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    return lines


def test_says_over_how_much_the_intervals_are(evaluation: Evaluation):
    console = Console(width=100, file=io.StringIO())
    print_evaluation(console, evaluation)
    assert isinstance(console.file, io.StringIO)
    of = evaluation.provenance["clusters"]
    assert f"intervals over {of['n']} {of['unit']} (few: intervals are noisy)" in (
        console.file.getvalue()
    )


def test_no_interval_is_an_empty_cell(evaluation: Evaluation, tmp_path: Path):
    run = RunLayout(shutil.copytree(evaluation.run.root, tmp_path / "of mine"))
    silent = {key: None for key in evaluation.summary if key.endswith("_ci")}
    run.summary.write_text(json.dumps({**evaluation.summary, **silent}))
    console = Console(width=100, file=io.StringIO())
    print_evaluation(console, Evaluation(run))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert " to " not in said
    assert "intervals over" not in said
    assert f"xc null '{run.root}' --kind identical" in said


@pytest.mark.parametrize(
    ("value", "text"), [(0.9995, "0.9995"), (0.99999933, "0.999999"), (1.0, "1.000")]
)
def test_what_is_below_one_reads_so_in_terminal_and_report_alike(
    evaluation: Evaluation, tmp_path: Path, value: float, text: str
):
    run = RunLayout(shutil.copytree(evaluation.run.root, tmp_path / "run"))
    numbers = {"alignment_adjusted": value, "alignment_adjusted_ci": None}
    run.summary.write_text(json.dumps({**evaluation.summary, **numbers}))
    write_entry(run, "identical", {"evaluated": conditions(evaluation.summary), **numbers})
    console = Console(width=100, file=io.StringIO())
    data = read_data(Evaluation(run), run=run)
    section = null_controls(data)
    assert section is not None
    for show in (print_evaluation, print_nulls):
        show(console, Evaluation(run))
    assert isinstance(console.file, io.StringIO)
    said = [line for line in console.file.getvalue().splitlines() if "above chance" in line]
    assert [re.findall(r"[\d.]+", line) for line in said] == [[text], [text, text]]
    rows = [row for table in section.pages[0].tables for row in table.rows]
    assert ("Alignment above chance", text, text) in rows
    (row,) = (row for row in headline_rows(data) if row.metric.name == "alignment_adjusted")
    assert row.values[0].text == text
