"""`xc import` and `xc export` as typed: a crosscoder from the Hub's cache, on real activations."""

import json
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import foreign
import numpy as np
import pytest
from typed_world import XC, World, make_world

from xc.cli.importing import ImportFlags, default_run, run_import
from xc.store_schema import ActivationStore, Checkpoint, RequestError, RunLayout, Silent
from xc.store_schema.verify import verify_run
from xc.train.formats.open_reference import open_reference

REPOSITORY = "somebody/crosscoders"
COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
WIDTH = 16
FLAGS = ImportFlags(
    layout=None, file=None, out=None, sources=(), models=(), scale=None, centre_rows=None,
    device="cpu", store=None,
)  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A world with a store, and somebody's crosscoder in the Hub's cache."""

    world: World
    store: ActivationStore

    def xc(self, *typed: str) -> str:
        done = self.world.xc(*typed)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)


def put_crosscoder(cache: Path) -> None:
    """Becker's distillation files as the Hub's client would have them."""
    repository = cache / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    folder = repository / "snapshots" / COMMIT / "version_0"
    foreign.save_pt(folder / "20.pt", foreign.apart((WIDTH, WIDTH), d_sae=40))
    cfg = {
        "model_name": "gpt2-137m-88m",
        "method": "distillation",
        "hook_point_A": "blocks.6.hook_resid_pre",
        "hook_point_B": "blocks.2.hook_resid_post",
    }
    foreign.save_json(folder / "20_cfg.json", cfg)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    world = make_world(tmp_path_factory.mktemp("world"))
    done = world.xc("harvest", "gpt2", "distilgpt2", "--layer", "6,3")
    assert done.returncode == 0, done.stderr
    put_crosscoder(Path(world.environment["HF_HOME"]))
    return Known(world, ActivationStore.open(world.folder / "acts.zarr"))


@pytest.mark.slow
def test_from_the_hub_to_a_report_and_out_again(known: Known) -> None:
    said = known.xc("import", REPOSITORY, "--store", "acts.zarr", "--scale", "store")
    assert "run: runs/crosscoders" in said
    assert "each row's mean is subtracted" in said
    run = RunLayout(known.world.folder / "runs" / "crosscoders")
    checkpoint = Checkpoint.load(run.root)
    assert [s.key for s in checkpoint.sources] == ["gpt2@6", "distilgpt2@3"]
    assert checkpoint.sources[0].revision == known.world.commits["gpt2"]
    assert checkpoint.centre_rows == (True, True)

    assert "numbers:" in known.xc("evaluate", "--run", "runs/crosscoders", "--no-report")
    summary = json.loads(run.summary.read_text())
    f = _latents_of_the_peer(known.store, checkpoint.scale)
    assert summary["l0"] == pytest.approx(np.count_nonzero(f, axis=1).mean(), rel=1e-3)
    assert verify_run(run.root) == []

    known.xc("export", "runs/crosscoders", "--format", "becker", "--out", "back")
    back = open_reference(str(known.world.folder / "back")).checkpoint
    assert [s.key for s in back.sources] == ["gpt2@6", "distilgpt2@3"]
    assert back.scale == pytest.approx(checkpoint.scale)

    done = known.world.xc("export", "runs/crosscoders", "--out", "card", "--push", "somebody/mine")
    assert done.returncode == 1
    assert "could not be pushed to the Hugging Face Hub" in done.stderr
    assert "the files are safe in card" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    card = (known.world.folder / "card" / "README.md").read_text()
    assert f"imported from {REPOSITORY} at {COMMIT}, format becker" in card
    assert f"(`l0`) | {summary['l0']:.4g} |" in card


def _latents_of_the_peer(store: ActivationStore, scale: tuple[float, ...]) -> np.ndarray:
    """f of the held-out rows that take part, on activations as TransformerLens would give them."""
    start, stop = store.splits["heldout"][0]
    keys = ("gpt2@6", "distilgpt2@3")
    raw = [store.activations(k)[start:stop] for k in keys]
    kept = np.array(store.rows.mask[start:stop], dtype=bool)
    for key in keys:
        kept &= ~np.asarray(store.sinks(key)[start:stop], dtype=bool)
    lens = [(x - x.mean(axis=1, keepdims=True))[kept] * c for x, c in zip(raw, scale, strict=True)]
    return foreign.apart_forward(foreign.apart((WIDTH, WIDTH), d_sae=40), lens)[0]


@pytest.mark.parametrize("text", ["1,x", "", "0,1", "-1", "inf,1", "nan"])
def test_scales_that_are_none(text: str) -> None:
    with pytest.raises(RequestError, match="expected numbers above 0"):
        run_import("nothing", replace(FLAGS, scale=text), progress=Silent())


def test_flags_reach_the_importer(tmp_path: Path) -> None:
    foreign.save_pt(tmp_path / "theirs" / "0.pt", foreign.apart((6, 4)))
    flags = replace(FLAGS, scale="0.5,2", models=("gpt2, distilgpt2",), out=tmp_path / "run")
    with pytest.raises(RequestError, match="does not name the site of source 1 of 2"):
        run_import(str(tmp_path / "theirs"), flags, progress=Silent())
    flags = replace(flags, models=(), sources=("gpt2@5", "distilgpt2@2"), centre_rows=False)
    report = run_import(str(tmp_path / "theirs"), flags, progress=Silent())
    assert report.checkpoint.scale == (0.5, 2.0)
    assert report.checkpoint.centre_rows == (False, False)
    assert [s.key for s in report.checkpoint.sources] == ["gpt2@5", "distilgpt2@2"]
    assert not report.encoded


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["import", "nobody-and-nothing"], "no such file or folder, and no id of the form"),
        (["export", "nothing", "--out", "x"], "expected config.json"),
    ],
)
def test_a_wrong_request_is_one_line(tmp_path: Path, typed: list[str], message: str) -> None:
    done = subprocess.run([XC, *typed], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("reference", "run"),
    [
        ("owner/name@revision", "runs/name"),
        ("some/folder/", "runs/folder"),
        ("version_3/20.pt", "runs/20.pt"),
    ],
)
def test_a_run_is_named_after_the_reference(reference: str, run: str) -> None:
    assert default_run(reference) == Path(run)
