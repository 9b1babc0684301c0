"""A truncated checkpoint: every command names it and what mends it, and that does."""

from pathlib import Path

import planted
import pytest
from training import tree
from typer.testing import CliRunner, Result

from xc.cli.main import build_app
from xc.store_schema import ActivationStore, RunLayout, StoreWriter

TRAIN = (
    "--d-sae", "16", "--k", "2", "--batch-size", "64", "--device", "cpu", "--validation-rows", "64",
)  # fmt: skip
MENDED = "the same `xc train` writes it again"


def typed(*words: object) -> Result:
    return CliRunner().invoke(build_app([str(words[0])]), list(map(str, words)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    plan = planted.make_plan(n_sequences=20)
    folder = tmp_path_factory.mktemp("damaged")
    return planted.write_store(folder / "acts.zarr", planted.make_truth(plan.n_rows), plan)


def train(store: ActivationStore, run: Path, *words: str) -> Result:
    return typed("train", "--store", store.path, "--run", run, "--tokens", "640", *TRAIN, *words)


def truncate(run: RunLayout) -> None:
    file = run.checkpoint / "crosscoder.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def test_the_same_training_writes_it_again(store: ActivationStore, tmp_path: Path) -> None:
    run = RunLayout(tmp_path / "run")
    assert train(store, run.root).exit_code == 0
    whole = tree(run.root)
    truncate(run)
    for words in (("evaluate", "--run", run.root), ("null", run.root), ("inspect", run.root)):
        done = typed(*words)
        assert done.exit_code == 2, done.output
        assert "not a readable safetensors file" in done.stderr
        assert MENDED in done.stderr
        assert done.stderr.count("\n") == 1
    done = typed("verify", run.root)
    assert done.exit_code == 1
    assert "\ncheckpoint/crosscoder.safetensors: not a readable" in done.stdout
    assert MENDED in done.stdout
    again = train(store, run.root)
    assert again.exit_code == 0, again.output
    assert "it is written again" in again.output
    assert "nothing to do" not in again.output
    assert tree(run.root) == whole
    assert "nothing to do" in train(store, run.root).output


def test_in_a_sweep_of_a_folder_it_is_named(store: ActivationStore, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    assert train(store, folder / "sweep", "--sweep", "k=2,4").exit_code == 0
    assert "whole" in typed("verify", folder).stdout
    truncate(RunLayout(folder / "sweep" / "k=4"))
    done = typed("verify", folder)
    assert done.exit_code == 1
    assert "\nsweep/k=4/checkpoint/crosscoder.safetensors: not a readable" in done.stdout
    lines = typed("inspect", folder).stdout.splitlines()
    states = {line.split()[0]: line for line in lines[1:3]}
    assert states["sweep/k=2"].split()[-1] == "trained"
    assert states["sweep/k=4"].split()[-1] == "damaged"
    assert lines[-1].startswith("sweep/k=4: ")
    assert MENDED in lines[-1]


def test_training_says_which_of_several_sources_it_takes(
    store: ActivationStore, tmp_path: Path
) -> None:
    a, b = planted.KEYS
    assert "trains on" not in train(store, tmp_path / "one").output
    writer = StoreWriter.create(store.path, planted.make_plan(n_sequences=20), join=True)
    writer.add_sources([], codec="bf16", tuples=[(b,)])
    writer.seal()
    writer.close()
    for words in ((), ("--sweep", "k=2,4")):
        done = train(store, tmp_path / f"two{len(words)}", *words)
        said = f"trains on {a},{b}, which {store.path} names first; to choose, --sources: {b}\n"
        assert done.output.count(said) == 1, done.output
    assert "trains on" not in train(store, tmp_path / "chosen", "--sources", b).output
