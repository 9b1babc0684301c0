"""`xc evaluate --ce` on the embedded models: laws of the splice, what is kept, what is refused."""

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny_adapters
import tiny_harvest
import torch
from rich.console import Console
from transformers import AutoModelForCausalLM

from xc.cli.evaluating import run_evaluate, runs_at
from xc.cli.harvesting import run_harvest
from xc.cli.pipeline_file import Pipeline
from xc.cli.results import print_evaluation
from xc.cli.sweeping import members_of, run_sweep
from xc.cli.training import run_train
from xc.cli.zoo_references import find_models
from xc.evaluate import Evaluation
from xc.evaluate.reader import Reader
from xc.evaluate.spliced_rows import SplicedRows
from xc.harvest import HarvestConfig, SplicedLoss, spliced_loss
from xc.store_schema import ActivationStore, Checkpoint, RequestError, RunLayout, Silent
from xc.store_schema.verify import verify
from xc.zoo import model_folder

HARVEST = {
    "models": ["zoo:base", "zoo:distilled"], "layers": ["2,1"], "dataset": "zoo:stdlib",
    "tokens": 2500, "seq_len": 64, "device": "cpu", "codec": "fp32", "shard_rows": 2048,
    "chunk_rows": 256, "heldout_fraction": 0.3,
}  # fmt: skip
TRAIN = {
    "d_sae": 96, "k": 12, "tokens": 12_288, "batch_size": 512, "lr": 3e-3, "device": "cpu",
    "validation_rows": 500,
}  # fmt: skip
EVALUATE = {"report": False, "bootstrap": 50, "groups": 0, "scheduler": "sync"}
KEYS = ("zoo-base@2", "zoo-distilled@1")


class Told(Silent):
    """Remembers what was started and noted."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.notes: list[str] = []

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.titles.append(title)

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def spliced(self) -> list[str]:
        return [title.partition(",")[0] for title in self.titles if title.endswith(", spliced")]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The embedded pair, harvested, and a small crosscoder of it."""
    folder = tmp_path_factory.mktemp("pair")
    made = Pipeline(
        path=folder / "pipeline.yaml", store=folder / "acts.zarr", run=folder / "run",
        sections={"harvest": HARVEST, "train": TRAIN, "evaluate": EVALUATE},
    )  # fmt: skip
    run_harvest(made, {}, models=None, progress=Silent())
    run_train(made, {}, store=made.store, run=made.run, progress=Silent())
    return made


@pytest.fixture(scope="module")
def measured(pipeline: Pipeline) -> Evaluation:
    return evaluated(pipeline, pipeline.run, ce=True)


@pytest.fixture
def copied(pipeline: Pipeline, tmp_path: Path) -> Path:
    """The run before it was evaluated."""
    leave = shutil.ignore_patterns("evaluation")
    return Path(shutil.copytree(pipeline.run, tmp_path / "run", ignore=leave))


def evaluated(
    pipeline: Pipeline, run: Path, progress: Silent | None = None, **flags: Any
) -> Evaluation:
    told = progress or Silent()
    return run_evaluate(pipeline, flags, store=pipeline.store, run=run, progress=told)


def losses_of(found: Evaluation) -> dict[str, Any]:
    return {key: value for key, value in found.summary.items() if key.startswith("ce_")}


def spliced_by(
    pipeline: Pipeline, key: str, reconstruct: Callable[[int, int], np.ndarray]
) -> SplicedLoss:
    reference = HARVEST["models"][KEYS.index(key)]
    return spliced_loss(
        HarvestConfig(layers=("0",), device="cpu"), model=find_models([reference])[0],
        store=ActivationStore.open(pipeline.store), key=key, reconstruct=reconstruct,
        split="heldout", progress=Silent(),
    )  # fmt: skip


def loss_by_hand(
    name: str, tokens: np.ndarray, layer: int, replace: Callable[[torch.Tensor], torch.Tensor]
) -> float:
    """Summed loss of one sequence, as Transformers takes it, behind a hook of our own."""
    model = AutoModelForCausalLM.from_pretrained(model_folder(name), dtype=torch.float32)
    block = model.eval().transformer.h[layer]
    block.register_forward_pre_hook(lambda module, args: (replace(args[0]), *args[1:]))
    ids = torch.from_numpy(tokens.astype(np.int64))[None]
    with torch.inference_mode():
        return float(model(ids, labels=ids).loss) * (len(tokens) - 1)


@pytest.mark.parametrize("key", KEYS)
def test_the_models_own_activations_lose_nothing(pipeline, key):
    store = ActivationStore.open(pipeline.store)
    found = spliced_by(pipeline, key, lambda a, b: store.activations(key)[a:b])
    np.testing.assert_allclose(found.spliced, found.clean, rtol=1e-5)
    assert found.recovered == pytest.approx(1, abs=1e-5)


def test_zeros_are_the_ablation_but_for_the_beginning(pipeline):
    store = ActivationStore.open(pipeline.store)
    shape = store.activations(KEYS[0]).shape
    found = spliced_by(pipeline, KEYS[0], lambda a, b: np.zeros((b - a, shape[1]), np.float32))

    def but_first(hidden: torch.Tensor) -> torch.Tensor:
        return torch.cat([hidden[:, :1], torch.zeros_like(hidden[:, 1:])], dim=1)

    for place in (0, len(found.sequence) // 2):
        tokens = store.sequences.tokens(int(found.sequence[place]))
        whole = loss_by_hand("base", tokens, 2, torch.zeros_like)
        assert found.zero[place] == pytest.approx(whole, rel=1e-4)
        assert found.spliced[place] == pytest.approx(
            loss_by_hand("base", tokens, 2, but_first), rel=1e-4
        )
    assert found.zero.sum() != pytest.approx(found.spliced.sum(), rel=1e-4)


@pytest.mark.parametrize("letter", ["a", "b"])
def test_a_crosscoder_lies_between(measured, letter):
    summary = measured.summary
    clean, spliced, zero = (summary[f"ce_{n}_{letter}"] for n in ("clean", "spliced", "zero"))
    assert clean < spliced < zero
    assert summary[f"ce_delta_{letter}"] == pytest.approx(spliced - clean)
    assert 0 < summary[f"ce_recovered_{letter}"] < 1
    low, high = summary[f"ce_recovered_{letter}_ci"]
    assert low < summary[f"ce_recovered_{letter}"] < high
    assert 0.9 < summary[f"ce_replaced_{letter}"] < 1  # BOS and sinks keep their own


@pytest.mark.parametrize(("source", "name", "layer"), [(0, "base", 2), (1, "distilled", 1)])
def test_losses_are_those_of_the_decoded_rows(pipeline, measured, source, name, layer):
    """From the checkpoint's own encode and decode, by hand, sequence by sequence."""
    store, checkpoint = ActivationStore.open(pipeline.store), Checkpoint.load(pipeline.run)
    kept = pq.read_table(measured.run.ce / f"{'ab'[source]}.parquet").to_pandas()
    assert (kept.sequence == np.flatnonzero(store.sequences.split == 1)).all()
    for line in kept.iloc[[0, len(kept) // 2, len(kept) - 1]].itertuples():
        rows = slice(*store.sequences.row_offsets[line.sequence : line.sequence + 2])
        raw = [store.activations(key)[rows] for key in KEYS]
        plain = checkpoint.fold()
        xhat = plain.decode(plain.encode(raw))[source]
        sinks = np.any([np.asarray(store.sinks(key)[rows], dtype=bool) for key in KEYS], axis=0)
        new = np.where(sinks[:, None], raw[source], xhat)
        at = store.rows.position[rows]

        def splice(hidden: torch.Tensor, at: np.ndarray = at, new: np.ndarray = new) -> Any:
            out = hidden.clone()
            out[0, at] = torch.from_numpy(new)
            return out

        tokens = store.sequences.tokens(int(line.sequence))
        assert line.predicted == len(tokens) - 1
        assert line.replaced == len(at) - sinks.sum()
        assert line.clean == pytest.approx(loss_by_hand(name, tokens, layer, lambda h: h), rel=1e-4)
        assert line.spliced == pytest.approx(loss_by_hand(name, tokens, layer, splice), rel=1e-3)


def test_the_printed_table_has_the_loss_recovered_where_it_was_measured(pipeline, measured, copied):
    def printed(found: Evaluation) -> str:
        console = Console(width=120, record=True, file=StringIO())
        print_evaluation(console, found)
        return console.export_text()

    assert f"{measured.summary['ce_recovered_b']:.3f}" in printed(measured)
    assert "loss recovered, B" in printed(measured)
    assert "loss recovered" not in printed(evaluated(pipeline, copied))


def test_a_second_evaluation_runs_no_model(pipeline, measured):
    told = Told()
    again = evaluated(pipeline, pipeline.run, told, ce=True)
    plain = evaluated(pipeline, pipeline.run, told)
    assert told.spliced == []
    assert measured.summary == again.summary == plain.summary
    assert verify(pipeline.run) == []


def test_a_ce_key_among_the_metrics_asks_for_it(pipeline, copied):
    told = Told()
    found = evaluated(pipeline, copied, told, metrics=("ce_delta_a", "l0")).summary
    assert told.spliced == list(KEYS)
    assert found["ce_delta_a"] > 0
    assert found["l0"] > 0
    assert found["ce_clean_a"] is None
    both = evaluated(pipeline, copied, told, metrics=("l0",), ce=True).summary
    assert told.spliced == list(KEYS)
    assert both["ce_clean_a"] > 0
    with pytest.raises(RequestError, match="did you mean"):
        evaluated(pipeline, copied, metrics=("ce_recoverd_a",))


def test_after_an_interrupt_it_goes_on_with_the_next_source(pipeline, copied, measured):
    class Interrupting(Told):
        def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
            super().start(title, total, unit, done=done)
            if len(self.spliced) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(pipeline, copied, Interrupting(), ce=True, metrics=("l0",))
    assert [file.name for file in RunLayout(copied).ce.iterdir()] == ["a.parquet"]
    told = Told()
    found = evaluated(pipeline, copied, told, ce=True, metrics=("l0",))
    assert told.spliced == [KEYS[1]]
    assert losses_of(found) == losses_of(measured)


def test_what_is_of_another_checkpoint_is_measured_again(pipeline, copied, measured):
    shutil.copytree(measured.run.ce, RunLayout(copied).ce)
    short = {"seed": 1, "tokens": 2048}
    run_train(pipeline, short, store=pipeline.store, run=copied / "other", progress=Silent())
    shutil.copytree(RunLayout(copied).ce, RunLayout(copied / "other").ce)
    told = Told()
    evaluated(pipeline, copied / "other", told, metrics=("l0",))
    assert list(RunLayout(copied / "other").ce.iterdir()) == []
    assert sum("another checkpoint" in note for note in told.notes) == 2
    anew = losses_of(evaluated(pipeline, copied / "other", told, ce=True, metrics=("l0",)))
    assert anew["ce_clean_a"] == losses_of(measured)["ce_clean_a"]
    assert anew["ce_spliced_a"] != losses_of(measured)["ce_spliced_a"]


def test_what_is_kept_of_another_precision_is_measured_again(pipeline, copied, measured):
    flags: dict[str, Any] = {"metrics": ("l0",), "ce": True}
    low = evaluated(pipeline, copied, dtype="bfloat16", **flags)
    assert low.provenance["ce"]["a"]["precision"]["dtype"] == "bfloat16"
    assert losses_of(low)["ce_clean_a"] != losses_of(measured)["ce_clean_a"]
    (RunLayout(copied).ce / "b.parquet").unlink()
    told = Told()
    full = evaluated(pipeline, copied, told, dtype="float32", **flags)
    assert told.spliced == list(KEYS)
    (note,) = (note for note in told.notes if "bfloat16" in note)
    assert note.startswith(f"{KEYS[0]}: kept losses are of a model in bfloat16, asked for is float")
    assert losses_of(full) == losses_of(measured)
    precisions = [of["precision"]["dtype"] for of in full.provenance["ce"].values()]
    assert precisions == ["float32", "float32"]
    again = Told()
    evaluated(pipeline, copied, again, **flags)  # auto is float32 on a CPU
    evaluated(pipeline, copied, again, dtype="float32", device="cuda:99", **flags)
    assert again.spliced == []


def test_a_plain_evaluation_takes_what_is_kept_and_tells_of_what_is_mixed(
    pipeline, copied, measured
):
    evaluated(pipeline, copied, ce=True, dtype="bfloat16", metrics=("l0",))
    alike = Told()
    evaluated(pipeline, copied, alike, metrics=("ce_clean_a",), ce=False, dtype="bfloat16")
    shutil.copy(measured.run.ce / "b.parquet", RunLayout(copied).ce / "b.parquet")
    told = Told()
    found = evaluated(pipeline, copied, told, metrics=("l0",))
    assert told.spliced == alike.spliced == []
    assert not any("precisions" in note for note in alike.notes)
    assert any("(A: bfloat16; B: float32)" in note for note in told.notes)
    assert found.provenance["ce"]["b"]["precision"]["dtype"] == "float32"


def test_a_precision_that_cannot_be_had_costs_nothing_that_is_kept(pipeline, copied, measured):
    shutil.copytree(measured.run.ce, RunLayout(copied).ce)
    flags: dict[str, Any] = {"metrics": ("l0",), "ce": True, "device": "cuda:99"}
    with pytest.raises(RequestError, match=r"no source can be spliced .*cuda:99"):
        evaluated(pipeline, copied, dtype="bfloat16", **flags)
    with pytest.raises(RequestError, match="unknown dtype 'bfloat61'"):
        evaluated(pipeline, copied, dtype="bfloat61", **flags)
    assert losses_of(evaluated(pipeline, copied, **flags)) == losses_of(measured)


def test_runs_of_a_sweep_are_measured_each(pipeline, tmp_path):
    short = {**TRAIN, "tokens": 4096}
    fewer = Pipeline(
        store=pipeline.store, run=tmp_path / "sweep",
        sections={"train": short, "harvest": HARVEST, "evaluate": {**EVALUATE, "ce": True}},
    )  # fmt: skip
    members = members_of(fewer, {}, {"k": [4, 12]}, folder=fewer.run)
    run_sweep(fewer, members, store=fewer.store, progress=Silent())
    found = [losses_of(evaluated(fewer, run, metrics=("l0",))) for run in runs_at(fewer.run)]
    assert len(found) == 2
    assert found[0]["ce_clean_a"] == found[1]["ce_clean_a"]
    assert found[0]["ce_spliced_a"] != found[1]["ce_spliced_a"]


def test_a_derived_source_is_refused_if_it_stands_alone(pipeline, tmp_path):
    difference = " - ".join(KEYS)
    settings = {**TRAIN, "tokens": 2048, "sources": (difference,)}
    run = tmp_path / "run"
    run_train(Pipeline(), settings, store=pipeline.store, run=run, progress=Silent())
    with pytest.raises(RequestError, match=r"no source can be spliced .*made of several sources"):
        evaluated(pipeline, run, ce=True)
    summary = evaluated(pipeline, run).summary
    assert summary["ce_recovered_a"] is None
    assert "made of several" in summary["not_measured"]["ce_recovered_a"]


def test_an_adapter_that_is_gone_leaves_the_other_source(tmp_path):
    """What can be measured is; the rest is told, and is measured once it is there again."""
    pytest.importorskip("peft")
    tiny_harvest.save_model(tmp_path / "base", "gpt2")
    tiny_adapters.save_adapter(tmp_path / "base", tmp_path / "lora")
    models = [str(tmp_path / "base"), f"{tmp_path / 'base'}+{tmp_path / 'lora'}"]
    tiny_harvest.run(tmp_path / "acts.zarr", ("1,2",), models, heldout_fraction=0.3)
    made = Pipeline(
        store=tmp_path / "acts.zarr", run=tmp_path / "run",
        sections={"harvest": {"models": models, "device": "cpu"}, "evaluate": EVALUATE},
    )  # fmt: skip
    settings = {"d_sae": 16, "k": 4, "tokens": 1024, "batch_size": 128, "device": "cpu"}
    run_train(made, settings, store=made.store, run=made.run, progress=Silent())
    (tmp_path / "lora").rename(tmp_path / "away")
    told = Told()
    lacking = evaluated(made, made.run, told, ce=True, metrics=("l0",)).summary
    assert lacking["ce_recovered_a"] is not None
    assert "--models FOLDER/base+FOLDER/lora" in lacking["not_measured"]["ce_recovered_b"]
    assert told.notes[0].startswith("base+lora@2 is not spliced into its model: model 'base+lora'")
    (tmp_path / "away").rename(tmp_path / "lora")
    whole = evaluated(made, made.run, told, ce=True, metrics=("l0",)).summary
    assert told.spliced == ["base@1", "base+lora@2"]
    assert whole["ce_recovered_b"] is not None


def test_rows_that_are_spliced_are_the_runs_own(pipeline):
    reader = Reader(pipeline.store, pipeline.run, 2048)
    ((start, stop),) = reader.store.splits["heldout"]
    found = SplicedRows(reader, 0).chosen(start, stop)
    assert (found == reader.row_filter.mask(reader.store, KEYS, start, stop)).all()
