"""A harvest that finds a finished store says what it mended, or that there was nothing to do."""

import shutil
from pathlib import Path

import pytest
from folders import contents
from tiny_harvest import run, save_model

from xc.harvest.mended import mended, wrong_files
from xc.store_schema import Silent
from xc.store_schema.verify import verify

LAYERS = ("2,1",)
NORMS = "norms/big@2/c/1"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "big", "gpt2", n_layer=2)
    save_model(folder / "small", "llama", seed=1)
    return [folder / "big", folder / "small"]


@pytest.fixture(scope="module")
def whole(pair, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "acts.zarr"
    run(path, LAYERS, pair)
    return path


@pytest.fixture
def store(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "acts.zarr"))


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def said(store: Path, pair: list[Path], layers: tuple[str, ...] = LAYERS, **changes) -> list[str]:
    notes = Notes()
    run(store, layers, pair, progress=notes, **changes)
    return notes.said


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 4
    file.write_bytes(data)


@pytest.mark.parametrize("harm", [flip, Path.unlink])
@pytest.mark.parametrize(
    "name",
    [
        NORMS,
        "statistics/small@1/per_shard/c/0/0",
        "sinks/big@2/c/0",
        "manifest.json",
        "norms/zarr.json",
        "shards/big@2/zarr.json",
        "activations/small@1/zarr.json",
    ],
)
def test_what_was_mended(store, pair, whole, harm, name):
    harm(store / name)
    assert said(store, pair) == [f"repaired in {store} what was gone or damaged: {name}"]
    assert contents(store) == contents(whole)
    assert said(store, pair) == [f"nothing to do: {store} holds all of it"]


@pytest.mark.parametrize("repair", [True, False])
@pytest.mark.parametrize("folder", ["norms/big@2", "norms", "statistics/small@1/per_shard"])
def test_a_folder_that_is_gone_costs_no_shard(store, pair, whole, folder, repair):
    shutil.rmtree(store / folder)
    (note,) = said(store, pair, repair=repair)
    assert note.startswith(f"repaired in {store} what was gone or damaged: {folder}")
    assert contents(store) == contents(whole)
    assert verify(store) == []


def test_where_sizes_alone_are_looked_at(store, pair):
    flip(store / NORMS)
    assert said(store, pair, repair=False) == [f"nothing to do: {store} holds all of it"]
    (store / NORMS).unlink()
    (note,) = said(store, pair, repair=False)
    assert note.endswith(f"damaged: {NORMS}")


def test_beside_the_text_and_beside_another_layer(store, pair):
    (store / NORMS).unlink()
    (store / "rows/mask/c/0").unlink()
    text, layer, note = said(store, pair[:1], layers=("1",))
    assert text.startswith("the store's text is damaged (rows/mask/c/0)")
    assert layer.startswith("big@1: ")
    assert note.endswith(f"damaged: {NORMS}, rows/mask/c/0")


def test_many_are_counted(store, pair):
    shutil.rmtree(store / "norms/big@2/c")
    shutil.rmtree(store / "norms/small@1/c")
    (note,) = said(store, pair)
    first = ", ".join(f"norms/big@2/c/{i}" for i in range(4))
    assert note.endswith(f"damaged: {first} and 8 more files")


def test_what_was_not_mended_is_not_told(store, tmp_path):
    assert wrong_files(store, read=True) == {} == wrong_files(tmp_path / "none", read=True)
    (store / NORMS).unlink()
    wrong = wrong_files(store, read=False)
    assert (list(wrong), mended(store, wrong)) == ([NORMS], None)
