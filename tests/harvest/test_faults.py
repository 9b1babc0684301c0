"""What can go wrong in a harvest, made to go wrong: told in one line, nothing lost, then mended."""

import multiprocessing
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from folders import contents
from tiny_harvest import corpus_of, make_texts, run, save_model
from transformers import AutoModelForCausalLM

from xc.store_schema import (
    ActivationStore,
    DamageError,
    NumericalError,
    RequestError,
    SchemaError,
    Silent,
    XcError,
)
from xc.store_schema.verify import verify

LAYERS = ("2,1",)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "big", "gpt2", n_layer=4)
    save_model(folder / "small", "llama", seed=1)
    return [folder / "big", folder / "small"]


@pytest.fixture(scope="module")
def undisturbed(pair, tmp_path_factory):
    """A harvest that nothing disturbed."""
    path = tmp_path_factory.mktemp("whole") / "acts.zarr"
    run(path, LAYERS, pair)
    return path


@pytest.fixture(scope="module")
def whole(undisturbed):
    """Its bytes."""
    return contents(undisturbed)


@pytest.fixture
def store(undisturbed, tmp_path):
    """A copy of it."""
    return shutil.copytree(undisturbed, tmp_path / "acts.zarr")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own; yields a function that makes it larger."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", place]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk here")
    yield (
        place,
        lambda option: subprocess.run(["mount", "-o", f"remount,{option}", place], check=True),
    )
    subprocess.run(["umount", "-l", place], check=True)


def truncate(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 4
    file.write_bytes(data)


def empty(file: Path) -> None:
    file.write_bytes(b"")


HARM = {"truncated": truncate, "flipped": flip, "empty": empty, "deleted": Path.unlink}


@pytest.mark.parametrize("name", HARM)
@pytest.mark.parametrize("key", ["big@2", pytest.param("small@1", marks=pytest.mark.slow)])
def test_a_harmed_shard_is_named_and_mended_alone(store, pair, whole, name, key):
    file = store / "activations" / key / "c" / "3" / "0"
    HARM[name](file)
    with pytest.raises(DamageError, match=r"activations/" + key + r"/c/3/0"):
        ActivationStore.open(store).activations(key)[:]
    assert any(f"activations/{key}/c/3/0" in p.file for p in verify(store))
    report = run(store, LAYERS, pair)
    assert report.written == 1
    assert contents(store) == whole
    assert verify(store) == []


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["statistics/big@2/per_shard/c/2", "norms/big@2/c/2",
                                    "shards/big@2/c/2", "sinks/big@2/c/0",
                                    "statistics/big@2/mean/c/0", "manifest.json"])  # fmt: skip
@pytest.mark.parametrize("name", ["flipped", "deleted"])
def test_what_follows_from_the_shards_is_mended_without_a_model(store, pair, whole, name, folder):
    place = store / folder
    file = place if place.is_file() else next(p for p in place.rglob("*") if p.is_file())
    HARM[name](file)
    assert verify(store)
    assert run(store, LAYERS, pair).written == 0
    assert contents(store) == whole


def test_a_shard_harmed_before_the_seal_is_mended(pair, whole, tmp_path):
    store = tmp_path / "acts.zarr"
    run(store, LAYERS, pair, worker="1/2")
    flip(store / "activations/big@2/c/0/0")
    with pytest.raises(DamageError, match=r"activations/big@2/c/0/0"):
        run(store, LAYERS, pair, worker="2/2")
    assert run(store, LAYERS, pair).written == 1
    assert contents(store) == whole


def test_a_harmed_shard_of_a_source_that_is_not_asked_for_stays(store, pair, whole):
    flip(store / "activations/small@1/c/3/0")
    harmed = contents(store)
    run(store, ("2",), pair[:1])
    assert ActivationStore.open(store).complete
    assert {n: v for n, v in contents(store).items() if n != "zarr.json"} == {
        n: v for n, v in harmed.items() if n != "zarr.json"
    }
    run(store, LAYERS, pair)
    assert contents(store)["activations/small@1/c/3/0"] == whole["activations/small@1/c/3/0"]
    assert verify(store) == []


@pytest.mark.parametrize("lost", ["norms/big@2/c/2", "manifest.json", "rows/mask/c/0"])
def test_a_flipped_shard_and_a_file_that_is_gone(store, pair, whole, lost):
    flip(store / "activations/big@2/c/2/0")
    (store / "norms/big@2/c/2").unlink()
    (store / lost).unlink(missing_ok=True)
    assert run(store, LAYERS, pair).written == 1
    assert contents(store) == whole


@pytest.mark.parametrize("name", ["truncated", "deleted"])
@pytest.mark.parametrize("array", ["rows/position", "sequences/token_ids", "vocabulary/bytes"])
def test_the_text_is_mended(store, pair, whole, name, array):
    HARM[name](next(p for p in (store / array / "c").rglob("*") if p.is_file()))
    assert any(array in p.file for p in verify(store))
    run(store, LAYERS, pair)
    assert contents(store) == whole


def test_sizes_alone(store, pair, whole):
    """--no-repair: what has the wrong size is written again, a flipped bit is not looked for."""
    shards = [store / "activations/big@2/c" / str(i) / "0" for i in (1, 2)]
    truncate(shards[0])
    flip(shards[1])
    assert run(store, LAYERS, pair, repair=False).written == 1
    assert any("activations/big@2/c/2/0" in p.file for p in verify(store))
    assert run(store, LAYERS, pair).written == 1
    assert contents(store) == whole


def test_a_full_disk(pair, whole, small_disk):
    disk, change = small_disk
    place = disk / "acts.zarr"
    with pytest.raises(RequestError, match=r"needs .*, but .* are free there"):
        run(place, LAYERS, pair)
    assert list(disk.iterdir()) == []
    with pytest.raises(XcError, match="space") as told:
        run(place, LAYERS, pair, force=True)
    assert "\n" not in str(told.value)
    with pytest.raises((RequestError, SchemaError)):
        ActivationStore.open(place)
    change("size=20m")
    run(place, LAYERS, pair)
    assert contents(place) == whole


def test_a_folder_that_may_not_be_written(pair, small_disk):
    disk, change = small_disk
    change("ro")
    with pytest.raises(XcError, match=r"read-only|read only") as told:
        run(disk / "acts.zarr", LAYERS, pair, force=True)
    assert "\n" not in str(told.value)
    assert list(disk.iterdir()) == []


def test_shards_that_changed_places(store, pair, whole):
    """Each of them is whole, and the checksum of its file is the other's."""
    first, second = (store / "activations/big@2/c" / name / "0" for name in "01")
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    assert run(store, LAYERS, pair).written == 2
    assert contents(store) == whole


def test_a_whole_store_on_a_read_only_disk(pair, whole, small_disk):
    disk, change = small_disk
    change("size=20m")
    place = disk / "acts.zarr"
    run(place, LAYERS, pair)
    change("ro")
    assert run(place, LAYERS, pair).written == 0
    with pytest.raises(XcError, match=r"read-only|read only") as told:
        run(place, (*LAYERS, "0,0"), pair)
    assert "\n" not in str(told.value)
    assert contents(place) == whole


def test_a_newer_schema(store, pair):
    metadata = store / "zarr.json"
    before = metadata.read_text()
    metadata.write_text(before.replace('"schema_version": 2', '"schema_version": 99'))
    assert metadata.read_text() != before
    with pytest.raises(SchemaError, match=r"schema version 99.*upgrade xc"):
        run(store, LAYERS, pair)
    with pytest.raises(SchemaError, match="upgrade xc"):
        ActivationStore.open(store)


def test_a_data_set_that_ends_early(pair, tmp_path):
    class Notes(Silent):
        said: list[str] = []  # noqa: RUF012

        def note(self, text: str) -> None:
            self.said.append(text)

    report = run(tmp_path / "a", LAYERS, pair, tokens=10**6, progress=Notes())
    assert 0 < report.rows < 10**6
    assert any(f"{report.rows:,}" in text or str(report.rows) in text for text in Notes.said)
    assert ActivationStore.open(tmp_path / "a").n_rows == report.rows


def test_nan_in_a_block(pair, tmp_path):
    broken = tmp_path / "broken"
    save_model(broken, "gpt2", n_layer=4)
    model = AutoModelForCausalLM.from_pretrained(broken)
    with torch.no_grad():
        model.transformer.h[1].mlp.c_proj.bias[3] = float("nan")
    model.save_pretrained(broken)
    with pytest.raises(NumericalError, match=r"broken@2: a NaN or infinity.*sequence 0"):
        run(tmp_path / "a", LAYERS, [broken, pair[1]])
    with pytest.raises(RequestError, match="incomplete"):
        ActivationStore.open(tmp_path / "a")
    healthy = run(tmp_path / "b", ("1,1",), [broken, pair[1]])
    assert healthy.rows == 700


def _harvest(store: Path, pair: list[Path], changes: dict, start, out) -> None:
    torch.set_num_threads(1)
    start.wait()
    try:
        report = run(store, LAYERS, pair, **changes)
        out.put(("done", report.written))
    except XcError as error:
        out.put(("refused", str(error)))


def _side_by_side(store: Path, pair: list[Path], changes: list[dict]) -> list[tuple[str, object]]:
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    start, out = context.Barrier(len(changes)), context.Queue()
    writers = [context.Process(target=_harvest, args=(store, pair, c, start, out)) for c in changes]
    for writer in writers:
        writer.start()
    found = [out.get(timeout=120) for _ in writers]
    for writer in writers:
        writer.join()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(2))
def test_two_writers_of_the_same_shards(pair, whole, tmp_path, attempt):
    store = tmp_path / "acts.zarr"
    found = _side_by_side(store, pair, [{}, {}])
    assert [state for state, _ in found] == ["done", "done"], found
    assert contents(store) == whole


def test_workers_share_the_shards_and_the_last_one_seals(pair, whole, tmp_path):
    store = tmp_path / "acts.zarr"
    found = _side_by_side(store, pair, [{"worker": f"{i}/3"} for i in (1, 2, 3)])
    assert [state for state, _ in found] == ["done"] * 3, found
    assert sum(int(written) for _, written in found) == 12
    assert contents(store) == whole
    assert verify(store) == []


def test_a_plain_harvest_seals_what_workers_left(pair, whole, tmp_path):
    store = tmp_path / "acts.zarr"
    first = run(store, LAYERS, pair, worker="2/3")
    assert 0 < first.written < 12
    with pytest.raises(RequestError, match="incomplete"):
        ActivationStore.open(store)
    assert run(store, LAYERS, pair).written == 12 - first.written
    assert contents(store) == whole


def test_another_text_is_refused_and_nothing_changes(store, pair, whole):
    with pytest.raises(RequestError, match="data set"):
        run(store, LAYERS, pair, corpus=corpus_of(make_texts(seed=5)))
    assert contents(store) == whole
