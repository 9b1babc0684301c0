"""`xc null` as typed: controls are runs, what is done stays, and the evaluation tells of them."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import labelled
import planted
import pytest
import yaml
from training import tree
from typed_world import XC
from typer.testing import CliRunner, Result

from xc.cli.main import build_app
from xc.cli.null_config import NullConfig
from xc.store_schema import ActivationStore, RequestError, RunLayout
from xc.store_schema.describe import describe
from xc.store_schema.verify import verify

TRAIN = {
    "d_sae": 32, "k": 4, "tokens": 6400, "batch_size": 64, "device": "cpu", "lr": 3e-3,
    "validation_rows": 100,
}  # fmt: skip


STALE = "the control was evaluated with other thresholds or rows; run `xc null RUN` again"
COUNTS = "n_shared,n_a_only,n_b_only,n_other,l0"


def typed(*words: str) -> Result:
    return CliRunner().invoke(build_app(words), list(words))


def evaluated(folder: Path, store: ActivationStore, **values: object) -> RunLayout:
    """A run as `xc train` and `xc evaluate` leave it."""
    file = folder / "pipeline.yaml"
    text = {"store": str(store.path), "run": str(folder / "run"), "train": {**TRAIN, **values}}
    file.write_text(yaml.safe_dump(text))
    for words in (("train",), ("evaluate", "--no-report")):
        done = typed(*words, "--config", str(file))
        assert done.exit_code == 0, done.output
    return RunLayout(folder / "run")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    plan = planted.make_plan()
    folder = tmp_path_factory.mktemp("null")
    return planted.write_store(folder / "acts.zarr", planted.make_truth(plan.n_rows), plan)


@pytest.fixture(scope="module")
def run(store: ActivationStore, tmp_path_factory: pytest.TempPathFactory) -> RunLayout:
    return evaluated(tmp_path_factory.mktemp("run"), store)


@pytest.fixture(scope="module")
def controlled(run: RunLayout) -> tuple[RunLayout, str]:
    before = json.loads(run.summary.read_text())
    assert before["fdr_a_only"] is None
    assert "--kind identical" in before["not_measured"]["fdr_a_only"]
    done = typed("null", str(run.root), "--seeds", "1", "--tokens", "3200")
    assert done.exit_code == 0, done.output
    return run, done.output


def test_all_controls(controlled: tuple[RunLayout, str], store: ActivationStore) -> None:
    run, printed = controlled
    found = json.loads(run.nulls_json.read_text())
    assert list(found) == ["checkpoint", "identical", "permuted", "seeds", "planted"]
    a, b = planted.KEYS
    sources = {
        "identical/run": (a, a),
        "permuted/run": (a, f"{b}~permuted"),
        "seeds/seed=1": (a, b),
    }
    own = yaml.safe_load(run.config.read_text())["train"]
    for name, expected in sources.items():
        config = yaml.safe_load((run.nulls / name / "config.yaml").read_text())["train"]
        assert tuple(config["sources"]) == expected
        assert config["tokens"] == 3200
        same = ("sparsity", "k", "d_sae", "lr", "batch_size", "init_norm", "normalisation")
        assert [config[n] for n in same] == [own[n] for n in same]
        assert verify(run.nulls / name) == []
    assert verify(run.nulls / "permuted" / "store.zarr") == []
    assert found["permuted"]["rows"] == store.n_rows
    assert found["identical"]["sharedness"] > 0.99
    assert found["planted"]["directions"][0] > 0
    for words in ("A against A", "B permuted", "found again by seeds 1", "planted directions"):
        assert words in printed
    for words in ("latents active per token", "variance explained"):
        assert words in printed
    for kind in ("identical", "permuted", "seeds"):
        assert (found[kind]["tokens"], found[kind]["tokens_of_run"]) == (3200, 6400)
    fewer = "identical, permuted and seeds were trained on 3,200 tokens, this run on 6,400"
    assert printed.count(fewer) == printed.count("trained on 3,200 tokens") == 1
    line = next(line for line in printed.splitlines() if "latents active per token" in line)
    other = json.loads(RunLayout(run.nulls / "seeds" / "seed=1").summary.read_text())
    assert found["seeds"]["l0_seed_1"] == other["l0"]
    assert line.rstrip(" ≠").endswith(f" {other['l0']:.1f}")
    whole = typed("verify", str(run.root))
    assert whole.exit_code == 0, whole.output
    assert "with 5 runs and 3 stores of null controls" in whole.output
    assert describe(run.root)["kind"] == "run"


def test_the_evaluation_tells_of_them(controlled: tuple[RunLayout, str]) -> None:
    run, _ = controlled
    summary = json.loads(run.summary.read_text())
    for name in ("a_only", "b_only", "shared"):
        for stem in ("fdr", "reproduced"):
            value, reason = summary[f"{stem}_{name}"], summary["not_measured"].get(f"{stem}_{name}")
            assert (value is None) == (reason == f"no latent is {name}")
            assert (summary[f"{stem}_{name}_ci"] is None) == (value is None)
    table = planted_columns(run)
    assert table["latent"] == list(range(32))
    again = typed("evaluate", "--run", str(run.root), "--bootstrap", "10", "--metrics", COUNTS)
    assert again.exit_code == 0, again.output
    assert "xc null" not in again.output
    kept = json.loads(run.summary.read_text())
    assert {k: v for k, v in kept.items() if k.startswith(("fdr", "reproduced"))} == {
        k: v for k, v in summary.items() if k.startswith(("fdr", "reproduced"))
    }
    assert typed("evaluate", "--run", str(run.root), "--no-report").exit_code == 0


def planted_columns(run: RunLayout) -> dict[str, list[object]]:
    from pyarrow import parquet  # noqa: PLC0415

    return parquet.read_table(run.reproduced).to_pydict()


def test_what_is_done_stays_done(controlled: tuple[RunLayout, str]) -> None:
    run, _ = controlled
    before = tree(run.nulls), run.nulls_json.read_bytes()
    done = typed("null", str(run.root), "--seeds", "1", "--tokens", "3200")
    assert done.output.count("done before") == 4, done.output
    assert (tree(run.nulls), run.nulls_json.read_bytes()) == before
    # Results that are lost come back from runs that are still there.
    run.nulls_json.unlink()
    done = typed("null", str(run.root), "--seeds", "1", "--tokens", "3200", "--kind", "identical")
    assert done.exit_code == 0, done.output
    assert "nothing to do" in done.output
    assert json.loads(run.nulls_json.read_text())["identical"]["n_shared"] > 0


def test_other_settings_make_them_anew(store: ActivationStore, tmp_path: Path) -> None:
    run = evaluated(tmp_path, store, tokens=640)
    words = ("null", str(run.root), "--kind", "identical", "--tokens")
    for tokens in ("640", "1280"):
        done = typed(*words, tokens)
        assert done.exit_code == 0, done.output
        config = yaml.safe_load((run.nulls / "identical/run/config.yaml").read_text())["train"]
        assert config["tokens"] == int(tokens)
    assert "done before" in typed(*words, "1280").output


@pytest.mark.slow
def test_the_report_has_a_page_that_leads_to_the_control_s_own(
    store: ActivationStore, tmp_path: Path
) -> None:
    run = evaluated(tmp_path, store, tokens=640)
    words = ("null", str(run.root), "--kind", "identical", "--tokens", "1280")
    done = typed(*words)
    assert done.exit_code == 0, done.output
    own = RunLayout(run.nulls / "identical" / "run")
    assert not run.report.exists()
    assert not own.report.exists()
    assert typed("evaluate", "--run", str(run.root)).exit_code == 0
    assert 'id="null-identical"' in run.report.read_text()
    done = typed(*words)
    assert done.exit_code == 0, done.output
    assert f"a page for each: {run.report}" in done.output.replace("\n", "")
    page = re.sub("</?span[^>]*>", "", run.report.read_text())
    assert "<code>xc null RUN --kind identical --tokens 1280</code>" in page
    assert '<figure id="figure-null_identical">' in page
    assert 'href="../nulls/identical/run/evaluation/report.html"' in page
    assert "decoder_norms" in own.report.read_text()
    assert 'id="null-seeds"' not in page
    assert "xc null RUN --kind permuted,seeds,planted" in page


def test_classes_cut_elsewhere_take_their_rates_along(
    store: ActivationStore, tmp_path: Path
) -> None:
    run = evaluated(tmp_path, store, tokens=640)
    control = ("null", str(run.root), "--kind", "identical,seeds", "--seeds", "1")

    def told(*words: str) -> tuple[dict[str, object], str]:
        done = typed(*words)
        assert done.exit_code == 0, done.output
        summary = json.loads(run.summary.read_text())
        keys = ("fdr_a_only", "reproduced_shared")
        return {k: summary["not_measured"].get(k, summary[k]) for k in keys}, done.output

    before, _ = told(*control)
    assert STALE not in before.values()
    evaluate = ("evaluate", "--run", str(run.root), "--no-report", "--class-thresholds")
    found, printed = told(*evaluate, "kissane")
    assert set(found.values()) == {STALE}
    _, printed = told("null", str(run.root), "--kind", "seeds", "--seeds", "1")
    assert "left out, identical: the control was evaluated with other thresholds" in printed
    found, printed = told(*control)
    assert found["fdr_a_only"] == "n_a_only was not measured"
    assert isinstance(found["reproduced_shared"], float)
    assert "left out" not in printed
    assert json.loads(run.nulls_json.read_text())["identical"]["n_a_only"] is None
    found, printed = told(*evaluate, "minder")
    assert set(found.values()) == {STALE}
    assert f"xc null {run.root} --kind identical" in printed
    assert told(*control)[0] == before


@pytest.mark.slow
def test_controls_are_of_the_rows_that_were_kept(tmp_path: Path) -> None:
    run = evaluated(tmp_path, labelled.labelled_store(tmp_path / "acts.zarr"), tokens=640)
    words = ("null", str(run.root), "--tokens", "640", "--kind", "permuted,planted")
    assert typed(*words).exit_code == 0
    assert typed("evaluate", "--run", str(run.root), "--keep", "user").exit_code == 0
    summary = json.loads(run.summary.read_text())
    assert summary["not_measured"]["fdr_shared"] == STALE
    done = typed(*words)
    assert done.exit_code == 0, done.output
    entries = json.loads(run.nulls_json.read_text())
    for kind in ("permuted", "planted"):
        assert entries[kind]["evaluated"]["keep"] == ["user"]
        assert entries[kind]["evaluated"]["rows"] == summary["rows"]
    assert json.loads(run.summary.read_text())["not_measured"].get("fdr_shared") != STALE


@pytest.mark.slow
@pytest.mark.parametrize("sparsity", ["l1", "jumprelu", "topk"])
def test_planted_controls_of_other_architectures(
    store: ActivationStore, tmp_path: Path, sparsity: str
) -> None:
    own = {"k": 4} if sparsity == "topk" else {"l1_coeff": 0.5, "k": 64, "normalisation": "rms"}
    run = evaluated(tmp_path, store, sparsity=sparsity, tokens=640, **own)
    done = typed("null", str(run.root), "--kind", "planted", "--tokens", "1024")
    assert done.exit_code == 0, done.output
    small = yaml.safe_load((run.nulls / "planted/run_planted/config.yaml").read_text())["train"]
    assert small["sparsity"] == sparsity
    assert small["l1_coeff"] > 0


def test_the_file_may_ask(store: ActivationStore, tmp_path: Path) -> None:
    run = evaluated(tmp_path, store, tokens=640)
    file = tmp_path / "pipeline.yaml"
    values = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**values, "null": {"kind": "identical", "tokens": 640}}))
    done = typed("null", "--config", str(file), "--tokens", "1280")
    assert done.exit_code == 0, done.output
    config = yaml.safe_load((run.nulls / "identical/run/config.yaml").read_text())["train"]
    assert config["tokens"] == 1280


def test_what_can_be_refused_is_refused_before_any_training(
    store: ActivationStore, tmp_path: Path
) -> None:
    run = evaluated(tmp_path, store, tokens=640)
    words = ("null", str(run.root), "--tokens", "640", "--kind", "identical,permuted", "--rows")
    done = typed(*words, "100")
    assert done.exit_code == 2
    found = re.search(
        r"^xc: null control permuted: 100 rows are too few for two sequences of each split.*; take "
        r"--rows (\d+) or more; nothing was trained\n\Z",
        done.stderr,
    )
    assert found, done.stderr
    assert not run.nulls.exists()
    least = int(found[1])
    assert typed(*words, str(least - 1)).exit_code == 2
    assert not run.nulls.exists()
    done = typed(*words, str(least))
    assert done.exit_code == 0, done.output
    assert json.loads(run.nulls_json.read_text())["permuted"]["rows"] <= least


def test_a_control_that_is_done_counts_though_a_later_one_fails(
    store: ActivationStore, tmp_path: Path
) -> None:
    own = ActivationStore.open(shutil.copytree(store.path, tmp_path / "acts.zarr"))
    run = evaluated(tmp_path, own, tokens=640)
    shard = own.shard_path(planted.KEYS[1], 0)
    shard.write_bytes(shard.read_bytes()[:-100])
    done = typed("null", str(run.root), "--tokens", "640", "--kind", "identical,permuted")
    assert done.exit_code == 1, done.output
    assert done.stderr.endswith("; done and kept: identical\n")
    assert "A against A" in done.stdout
    assert json.loads(run.nulls_json.read_text()).keys() == {"checkpoint", "identical"}
    reasons = json.loads(run.summary.read_text())["not_measured"]
    assert "null control" not in reasons.get("fdr_a_only", "")
    assert "--kind permuted" in reasons["fdr_shared"]


def test_a_run_that_is_not_finished_says_how_far_it_is(
    store: ActivationStore, tmp_path: Path
) -> None:
    run = evaluated(tmp_path, store, tokens=640)
    shutil.rmtree(run.checkpoint)
    done = typed("null", str(run.root))
    assert done.exit_code == 2
    assert (
        "this run is not finished (step 10 of 10 is saved); run the same `xc train`" in done.stderr
    )


def test_refusals(store: ActivationStore, tmp_path: Path) -> None:
    def said(*words: str) -> str:
        done = typed("null", *words)
        assert done.exit_code == 2, done.output
        assert len(done.stderr.strip().splitlines()) == 1
        return done.stderr

    assert "run `xc train` first" in said(str(tmp_path / "none"))
    run = evaluated(tmp_path, store, tokens=640)
    assert "did you mean 'identical'" in said(str(run.root), "--kind", "identicl")
    assert "seeds: expected at least 1" in said(str(run.root), "--seeds", "0")
    gone = typed("null", str(run.root), "--store", str(tmp_path / "no.zarr"))
    assert gone.exit_code == 2
    assert "`xc harvest` makes one" in gone.stderr
    assert "two sequences of each" in said(str(run.root), "--kind", "permuted", "--rows", "100")
    (run.nulls / "identical").mkdir(parents=True)
    (run.nulls / "identical" / "mine.txt").write_text("")
    assert "was not made by `xc null`" in said(str(run.root), "--kind", "identical")
    run.summary.unlink()
    assert "run `xc evaluate" in said(str(run.root))
    run.config.unlink()
    assert "trained elsewhere" in said(str(run.root))
    single = tmp_path / "single"
    single.mkdir()
    alone = evaluated(single, store, tokens=640, sources=[planted.KEYS[0]])
    assert "this run has 1" in said(str(alone.root))


@pytest.mark.slow
def test_killed_and_typed_again_it_is_the_same(run: RunLayout, tmp_path: Path) -> None:
    words = ("--seeds", "1", "--tokens", "12800", "--kind", "permuted,seeds")
    for name in ("whole", "killed"):
        shutil.copytree(run.root, tmp_path / name, ignore=shutil.ignore_patterns("nulls*"))
    whole = typed("null", str(tmp_path / "whole"), *words)
    assert whole.exit_code == 0, whole.output
    moments = ("permuted/store.zarr", "permuted/run/metrics.jsonl", "seeds/seed=1/metrics.jsonl")
    kills = 0
    for moment in moments:
        process = subprocess.Popen(
            [XC, "null", str(tmp_path / "killed"), *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None and not (tmp_path / "killed" / "nulls" / moment).exists():
            time.sleep(0.002)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills >= 1
    again = typed("null", str(tmp_path / "killed"), *words)
    assert again.exit_code == 0, again.output
    for folder in ("nulls", "evaluation"):
        found, expected = (tree(tmp_path / name / folder) for name in ("killed", "whole"))
        assert found.keys() == expected.keys()
        here = {name: data.replace(b"/killed/", b"/whole/") for name, data in found.items()}
        assert [name for name in here if here[name] != expected[name]] == []


def test_kinds() -> None:
    assert NullConfig().kind == ("identical", "permuted", "seeds", "planted")
    assert NullConfig(kind=("seeds,identical", "seeds")).kind == ("identical", "seeds")
    with pytest.raises(RequestError, match="expected one of"):
        NullConfig(kind=(" ",))
