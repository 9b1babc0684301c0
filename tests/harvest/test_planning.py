"""A plan of a harvest beside the harvest: bytes, rows, what exists, and what does not fit."""

import pytest
import tiny_harvest
import torch

from xc.harvest import HarvestConfig, harvest, resolve_models
from xc.harvest.planning import plan_harvest
from xc.store_schema import ActivationStore, RequestError, Silent
from xc.store_schema.places import sizes

BIG = {"tokens": 9000, "seq_len": 32, "batch_size": 8, "shard_rows": 2048, "chunk_rows": 256}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "one"
    tiny_harvest.save_model(folder, "gpt2")
    return folder


TEXT = tiny_harvest.corpus_of(tiny_harvest.make_texts(900))


def _config(store, **changes):
    return HarvestConfig(**{"layers": ("1",), "store": store, "device": "cpu", **BIG, **changes})


def _plan(config, folder, probe_store=None):
    refs = resolve_models([str(folder)])

    def run(changed, progress):
        return harvest(changed, models=refs, corpus=TEXT, progress=progress)

    return plan_harvest(
        config, models=refs, harvest=run, probe_store=probe_store, progress=Silent()
    )


@pytest.mark.parametrize("codec", ["bf16", "fp32", "fp8", "bf16-zstd"])
def test_bytes_are_those_of_the_store(codec, folder, tmp_path):
    config = _config(tmp_path / "acts.zarr", codec=codec)
    plan = _plan(config, folder, tmp_path / "probe.zarr")
    assert not config.store.exists()
    harvest(config, models=resolve_models([str(folder)]), corpus=TEXT, progress=Silent())
    real = sum(sizes(config.store).values())
    assert plan.need.bytes == pytest.approx(real, rel=0.05 if codec == "bf16-zstd" else 0.02)
    store = ActivationStore.open(config.store)
    assert (plan.need.rows, plan.need.exact) == (store.n_rows, True)
    assert plan.need.sequences == pytest.approx(store.sequences.n, rel=0.2)
    assert plan.seconds is not None
    assert plan.seconds > 0
    assert plan.problem is None


def test_activations_are_predicted_to_the_byte(folder, tmp_path):
    for codec in ("bf16", "fp32", "fp8"):
        config = _config(tmp_path / f"{codec}.zarr", codec=codec, tokens=5000)
        plan = _plan(config, folder)
        harvest(config, models=resolve_models([str(folder)]), corpus=TEXT, progress=Silent())
        found = sizes(config.store)
        real = sum(n for name, n in found.items() if name.startswith("activations/one@1/c/"))
        assert plan.need.sources[0].activations == real


def test_a_text_that_ends_early_is_counted_to_its_end(folder, tmp_path):
    config = _config(tmp_path / "acts.zarr", tokens=10**9, batch_size=4)
    plan = _plan(config, folder, tmp_path / "probe.zarr")
    done = harvest(config, models=resolve_models([str(folder)]), corpus=TEXT, progress=Silent())
    assert plan.need.exact
    assert plan.need.rows == done.rows
    short = f"the text ends after {done.rows:,} of 1,000,000,000 rows"
    assert short in plan.notes
    assert short in _plan(config, folder).notes  # the store knows that its text has no more


def test_a_text_that_is_long_enough_is_not_called_short(folder, tmp_path):
    """Whether it was counted or not."""
    config = _config(tmp_path / "acts.zarr")
    for probe_store in (None, tmp_path / "probe.zarr"):
        assert not any("ends after" in note for note in _plan(config, folder, probe_store).notes)


def test_without_a_probe_nothing_runs_and_nothing_is_said_of_time(folder, tmp_path):
    plan = _plan(_config(tmp_path / "acts.zarr"), folder)
    assert plan.seconds is None
    assert not plan.need.exact
    assert list(tmp_path.iterdir()) == []


def test_what_a_store_holds_is_not_planned_again(folder, tmp_path):
    config = _config(tmp_path / "acts.zarr")
    refs = resolve_models([str(folder)])
    harvest(config, models=refs, corpus=TEXT, progress=Silent())
    again = _plan(config, folder, tmp_path / "probe.zarr")
    assert again.need.bytes == 0
    more = _plan(_config(config.store, layers=("1", "2")), folder)
    assert [source.rows for source in more.need.sources] == [0, 9000]
    assert more.need.text == 0
    (config.store / "activations" / "one@1" / "c" / "1" / "0").unlink()
    assert _plan(config, folder).need.sources[0].rows == 2048


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_disk": "100kB"}, "--max-disk 100kB; make room, --codec fp8"),
        ({"tokens": 10**15}, "free there; take --tokens "),
        ({"batch_size": 10**9}, "smaller --batch-size"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(changes, message, folder, tmp_path):
    plan = _plan(_config(tmp_path / "acts.zarr", **changes), folder)
    assert plan.problem is not None
    assert message in plan.problem
    assert "\n" not in plan.problem


def test_a_wrong_size_is_refused(folder, tmp_path):
    with pytest.raises(RequestError, match="much"):
        _plan(_config(tmp_path / "acts.zarr", max_disk="much"), folder)


def test_memory_grows_with_what_is_in_it(folder, tmp_path):
    small = _plan(_config(tmp_path / "a.zarr"), folder).need
    large = _plan(_config(tmp_path / "a.zarr", batch_size=4096), folder).need
    assert large.memory > small.memory
    assert small.device is None or torch.cuda.is_available()
