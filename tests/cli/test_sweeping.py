"""Sweeps as typed and as pipeline.yaml asks for them: values, folders, memory, refusals."""

from pathlib import Path

import planted
import pytest
from training import tree
from typer.testing import CliRunner

from xc.cli.evaluating import runs_at
from xc.cli.main import build_app
from xc.cli.pipeline_file import Pipeline, load_pipeline
from xc.cli.pipeline_run import train_all
from xc.cli.plan_sweep import plan_sweep, sweep_memory
from xc.cli.plan_training import memory_of, plan_training
from xc.cli.sweeping import axes_of, members_of, memory_line, sweep_configs, text_of
from xc.store_schema import RequestError, Silent
from xc.store_schema.describe import describe
from xc.store_schema.verify import verify
from xc.train import TrainConfig

NOTHING = Pipeline()
BASE = {"d_sae": 64, "tokens": 4096}


def names(*words: str, flags: dict[str, object] | None = None, file: Pipeline = NOTHING):
    found = members_of(file, flags or BASE, axes_of(file, words), folder=Path("runs/s"))
    return {m.name: m.config for m in found}


def test_all_combinations_in_the_order_of_the_options():
    found = names("seed=0,1,2", "k=4,8")
    assert list(found) == [f"k={k},seed={s}" for k in (4, 8) for s in (0, 1, 2)]
    assert [(c.k, c.seed, c.d_sae) for c in found.values()][-1] == (8, 2, 64)
    assert list(names("k=4", "k=8")) == ["k=4", "k=8"]


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("lr=1e-3", "lr=0.001", 1e-3),
        ("--save-every=1_000", "save_every=1000", 1000),
        ("clip_norm=none", "clip_norm=none", None),
        ("centre=false", "centre=false", False),
        ("l1_coeff=2", "l1_coeff=2", 2.0),
        ("sources=gpt2@6,distilgpt2@3", "sources=gpt2@6+distilgpt2@3", ("gpt2@6", "distilgpt2@3")),
        ("sources=a/b@6 - c@6", "sources=a-b@6---c@6", ("a/b@6 - c@6",)),
        ("matryoshka=8,16", "matryoshka=8+16", (8, 16)),
        ("preset=kissane", "preset=kissane", "kissane"),
    ],
)
def test_values_are_read_as_their_option_reads_them(word: str, name: str, value: object):
    penalised = word.startswith("l1_coeff")
    flags = BASE | ({"sparsity": "l1"} if penalised else {})
    ((found, config),) = names(word, flags=flags).items()
    assert found == name
    assert getattr(config, name.split("=", maxsplit=1)[0]) == value


def test_lists_are_separated_by_semicolons():
    assert list(names("matryoshka=8,16;8,32")) == ["matryoshka=8+16", "matryoshka=8+32"]


def test_the_file_may_ask_for_a_sweep(tmp_path: Path):
    for text in (
        "train: {k: 3, sweep: {lr: [1e-3, 0.01]}}",
        "train: {k: 3}\nsweep: {lr: [0.001, .01]}",
    ):
        (tmp_path / "pipeline.yaml").write_text(text + "\n")
        file = load_pipeline(tmp_path / "pipeline.yaml")
        assert [(c.lr, c.k) for c in sweep_configs(file)] == [(0.001, 3), (0.01, 3)]
        assert list(names("seed=1,2", file=file)) == ["seed=1", "seed=2"]
        assert "sweep" not in file.sections["train"]
    (tmp_path / "pipeline.yaml").write_text("train: {sweep: {k: [1]}}\nsweep: {k: 2}\n")
    with pytest.raises(RequestError, match="leave one out"):
        load_pipeline(tmp_path / "pipeline.yaml")
    assert len(sweep_configs(NOTHING)) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["k"], "expected NAME=VALUE"),
        (["kk=1"], "unknown key 'kk'; did you mean"),
        (["k="], "k has no values"),
        (["k=3,3"], "k=3 comes twice"),
        (["k=many"], "--sweep k=many: k must be a whole number"),
        (["k=2", "seed=-1"], "--sweep k=2,seed=-1: seed must be"),
        (["device=cpu,cuda"], "device is the same for all runs"),
    ],
)
def test_wrong_sweeps_are_refused(words: list[str], message: str):
    with pytest.raises(RequestError, match=message):
        names(*words)


def test_the_folder_of_a_run_is_no_place_for_a_sweep(tmp_path: Path):
    (tmp_path / "config.yaml").write_text("train: {}\n")
    with pytest.raises(RequestError, match="holds a run"):
        members_of(NOTHING, BASE, {"k": (1,)}, folder=tmp_path)


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.30000000000000004"), (True, "true"), ((), "none")]
)
def test_values_in_names_tell_them_apart(value: object, text: str):
    assert text_of(value) == text


def widths(config: TrainConfig) -> list[int]:
    return [64, 32] if config.sources else [16, 16]


def test_members_share_windows_and_batches_but_not_weights():
    configs = list(names("d_sae=64,128", "normalisation=rms,none", flags={"tokens": 4096}).values())
    one, two = (
        memory_of(c, [[64, 32]] * len(c), store_rows=10_000, taken=7)
        for c in (configs[3:], configs)
    )
    weights = [4 * (2 * 96 * d + d + 96) for d in (64, 128)]
    assert two - one == 4 * (2 * sum(weights) - weights[1]) + 4096 * 96 * 4
    apart = list(names("batch_size=64,128").values())
    need = {"store_rows": 10_000, "taken": 7}
    assert sweep_memory(apart, widths, **need) == memory_of(apart[1:], [[16, 16]], **need)


def test_the_plan_of_a_sweep_adds_up():
    configs = list(names("k=4,8").values())
    need = {"rows": 2000, "store_rows": 20_000, "taken": 0, "times": None}
    whole = plan_sweep(configs, widths, **need)
    apart = [plan_training(c, widths(c), **need) for c in configs]
    assert whole.bytes == sum(p.bytes for p in apart)
    assert max(p.memory for p in apart) < whole.memory < sum(p.memory for p in apart)
    assert (whole.details["runs"], whole.details["heldout_rows"]) == (2, 2000)
    assert plan_sweep(configs[:1], widths, **need).memory == apart[0].memory


def test_what_does_not_fit_is_said_beforehand(planted_store):
    small = members_of(NOTHING, BASE, {"k": (1, 2)}, folder=Path("x"))
    assert memory_line(small, planted_store).startswith("2 runs side by side take about")
    huge = members_of(NOTHING, {"d_sae": 10**9}, {"k": (1, 2)}, folder=Path("x"))
    assert "warning" in memory_line(huge, planted_store)


def test_xc_run_trains_what_the_file_sweeps(tmp_path: Path, planted_store):
    values = {"d_sae": 32, "tokens": 640, "batch_size": 64, "device": "cpu"}
    pipeline = Pipeline(run=tmp_path / "s", sections={"train": values}, sweep={"k": [2, 4]})
    runs = train_all(pipeline, planted_store.path, Silent())
    assert runs == [tmp_path / "s" / "k=2", tmp_path / "s" / "k=4"]
    alone = Pipeline(run=tmp_path / "one", sections={"train": {**values, "k": 4}})
    assert train_all(alone, planted_store.path, Silent()) == [tmp_path / "one"]
    assert tree(tmp_path / "one") == tree(runs[1])


def test_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted_store):
    monkeypatch.chdir(tmp_path)
    words = [
        "train", "--store", str(planted_store.path), "--run", "runs/s", "--d-sae", "32",
        "--tokens", "640", "--batch-size", "64", "--device", "cpu", "--init-decoder-bias", "zero",
    ]  # fmt: skip
    app = build_app(words)
    done = CliRunner().invoke(app, [*words, "--sweep", "k=2,4", "--sweep", "seed=0,1"])
    assert done.exit_code == 0, done.output
    assert "4 runs side by side" in done.output
    assert "k=4,seed=1" in done.output
    alone = CliRunner().invoke(app, [*words[:4], "runs/one", *words[5:], "--k", "4", "--seed", "1"])
    assert alone.exit_code == 0, alone.output
    assert "640 unique rows, 0.4 epochs" in alone.output
    assert tree(Path("runs/one")) == tree(Path("runs/s/k=4,seed=1"))
    assert runs_at(Path("runs/one")) == [Path("runs/one")]
    assert runs_at(Path("runs/s"))[-1] == Path("runs/s/k=4,seed=1")
    found = describe("runs/s")["runs"]
    assert list(found) == ["k=2,seed=0", "k=2,seed=1", "k=4,seed=0", "k=4,seed=1"]
    assert (found["k=2,seed=1"]["training"]["step"], found["k=2,seed=1"]["finished"]) == (10, True)
    assert found["k=2,seed=1"]["stream"]["unique_rows"] == 640
    assert verify("runs/s") == []
    shown = CliRunner().invoke(build_app(["inspect"]), ["inspect", "runs/s"])
    assert shown.exit_code == 0, shown.output
    assert len(shown.output.splitlines()) == 5
    assert "trained" in shown.output
    assert planted.KEYS[0] in Path("runs/s/k=4,seed=1/config.yaml").read_text()
