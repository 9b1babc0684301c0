"""Whole harvests: rows are hidden states, interrupted ones go on, complete ones take more."""

import shutil

import ml_dtypes
import numpy as np
import pytest
import tiny_harvest
import torch
from folders import contents
from tiny_harvest import corpus_of, make_texts, run, save_model

from xc.harvest import Corpus
from xc.store_schema import ActivationStore, RequestError, Silent, XcError


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made = {
        "big": save_model(folder / "big", "gpt2", n_layer=4),
        "small": save_model(folder / "small", "llama", seed=1),
    }
    return folder, made


@pytest.fixture(scope="module")
def pair(models):
    folder, _ = models
    return [folder / "big", folder / "small"]


@pytest.fixture(scope="module")
def whole(pair, tmp_path_factory):
    """An uninterrupted harvest of two tuples."""
    path = tmp_path_factory.mktemp("whole") / "acts.zarr"
    report = run(path, ("2,1", "4,3"), pair)
    return ActivationStore.open(path), report


def hidden_state(model, ids, layer):
    kept = []
    blocks = model.transformer.h if hasattr(model, "transformer") else model.model.layers
    if layer < len(blocks):
        blocks[layer].register_forward_pre_hook(lambda m, args: kept.append(args[0]))
    else:
        blocks[layer - 1].register_forward_hook(
            lambda m, args, out: kept.append(out[0] if isinstance(out, tuple) else out)
        )
    with torch.no_grad():
        model(input_ids=torch.tensor(ids[None].astype(np.int64)))
    return kept[0][0].numpy()


def test_a_name_that_makes_pairs_ambiguous_is_refused_before_the_text(pair, tmp_path):
    named = tmp_path / "a|b"
    shutil.copytree(pair[1], named)
    with pytest.raises(RequestError, match=r"'a\|b@1' holds '\|'"):
        run(tmp_path / "acts.zarr", ("2,1",), [pair[0], named])
    assert not (tmp_path / "acts.zarr").exists()


def test_a_folder_that_is_no_store_is_refused_before_the_text(pair, tmp_path):
    (tmp_path / "notes").mkdir()

    def unread():
        raise AssertionError("the text was read")

    with pytest.raises(RequestError, match="notes is there, and is no activation store"):
        run(tmp_path / "notes", ("2,1",), pair, corpus=Corpus("words", "test:0", unread))
    assert not list((tmp_path / "notes").iterdir())


def test_the_report(whole):
    store, report = whole
    assert report.tuples == (("big@2", "small@1"), ("big@4", "small@3")) == store.tuples
    assert [s.key for s in report.sources] == ["big@2", "small@1", "big@4", "small@3"]
    assert report.rows == store.n_rows == 700
    assert report.written == 4 * 6
    assert [s.module for s in store.sources] == [
        "input of transformer.h.2",
        "input of model.layers.1",
        "output of transformer.h.3",
        "output of model.layers.2",
    ]
    assert {s.model for s in store.sources} == {"big", "small"}


@pytest.mark.parametrize("key", ["big@2", "small@1", "big@4", "small@3"])
def test_every_row_is_the_hidden_state_of_its_token(whole, models, key):
    store, _ = whole
    name, _, layer = key.partition("@")
    rows, sequences = store.rows, store.sequences
    for i in range(sequences.n):
        start, stop = (int(v) for v in sequences.row_offsets[i : i + 2])
        states = hidden_state(models[1][name], sequences.tokens(i), int(layer))
        expected = states[rows.position[start:stop]]
        found = store.activations(key)[start:stop]
        np.testing.assert_allclose(found, expected, rtol=2**-8, atol=2e-5)


def test_rows_are_tokens_of_the_text_and_no_specials(whole):
    store, _ = whole
    sequences = store.sequences
    kept = 0
    for i in range(sequences.n):
        ids = sequences.tokens(i)
        assert ids[0] == 0
        assert 0 not in ids[1:]
        start, stop = (int(v) for v in sequences.row_offsets[i : i + 2])
        assert (np.asarray(store.rows.position[start:stop]) == np.arange(1, len(ids))).all()
        assert (np.asarray(store.rows.token_id[start:stop]) == ids[1:]).all()
        kept += stop - start
    assert kept == store.n_rows


def test_the_text_is_that_of_the_documents(whole):
    store, _ = whole
    texts = make_texts()
    found = {}
    order = np.argsort(store.sequences.document, kind="stable")
    for i in order:
        piece = store.vocabulary.text(store.sequences.tokens(int(i))[1:])
        found.setdefault(int(store.sequences.document[i]), []).append(piece)
    for document, pieces in found.items():
        if len(pieces) == 1:
            assert texts[document].startswith(pieces[0])
        assert all(piece in texts[document] for piece in pieces if "\ufffd" not in piece)


def test_splits_are_by_document(whole):
    store, _ = whole
    document, split = store.sequences.document, store.sequences.split
    assert not {*document[split == 0]} & {*document[split == 1]}
    (train,), (heldout,) = store.splits["train"], store.splits["heldout"]
    assert train[0] == 0
    assert train[1] == heldout[0] > 0
    assert heldout[1] == store.n_rows > heldout[0]


def test_statistics_are_of_the_values_as_stored(whole):
    store, _ = whole
    for source in store.sources:
        x = store.activations(source.key)[:].astype(np.float64)
        found = store.statistics(source.key)
        np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found.variance, x.var(axis=0), rtol=1e-9)
        assert found.mean_norm == pytest.approx(np.linalg.norm(x, axis=1).mean(), rel=1e-10)


def test_float32_on_disk(pair, whole, tmp_path):
    run(tmp_path / "a", ("2,1",), pair, codec="fp32")
    exact = ActivationStore.open(tmp_path / "a").activations("big@2").raw[:]
    assert exact.dtype == np.float32
    rounded = whole[0].activations("big@2").raw[:]
    assert (exact.astype(ml_dtypes.bfloat16) == rounded).all()


def test_a_model_run_in_bfloat16(pair, whole, tmp_path):
    run(tmp_path / "a", ("2,1",), pair, dtype="bfloat16")
    store = ActivationStore.open(tmp_path / "a")
    assert store.source("big@2").dtype == "bfloat16"
    a, b = (s.activations("big@2")[:] for s in (store, whole[0]))
    assert 0 < np.abs(a - b).max() < 0.1 * np.abs(b).max()


def test_again_is_nothing_to_do(pair, tmp_path):
    run(tmp_path / "a", ("2,1",), pair)
    before = contents(tmp_path / "a")
    assert run(tmp_path / "a", ("2,1",), pair).written == 0
    assert contents(tmp_path / "a") == before


class Interrupting(Silent):
    """Interrupts at a report of a bar, both counted from 1."""

    def __init__(self, bar, report):
        self.bars, self.reports = bar, report

    def start(self, *args, **figures):
        self.bars -= 1

    def advance(self, amount, **figures):
        self.reports -= self.bars == 0
        if self.reports == 0:
            raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize("moment", [(1, 1), (2, 1), (2, 6), (2, 13), (3, 1), (3, 9)])
def test_an_interrupted_harvest_goes_on_to_the_same_bytes(pair, whole, tmp_path, moment):
    path = tmp_path / "acts.zarr"
    with pytest.raises(KeyboardInterrupt):
        run(path, ("2,1", "4,3"), pair, progress=Interrupting(*moment))
    if path.exists():
        with pytest.raises(RequestError, match="incomplete"):
            ActivationStore.open(path)
    run(path, ("2,1", "4,3"), pair)
    assert contents(path) == contents(whole[0].path)


def test_sources_left_unfinished_by_another_command_are_named(pair, tmp_path):
    path = tmp_path / "acts.zarr"
    with pytest.raises(KeyboardInterrupt):
        run(path, ("2,1",), pair, progress=Interrupting(3, 1))
    with pytest.raises(XcError, match="small@1 of an earlier, interrupted harvest lacks 6 of 6"):
        run(path, ("4",), pair[:1])
    run(path, ("2,1",), pair)
    assert len(ActivationStore.open(path).sources) == 3


@pytest.mark.parametrize("shard", [0, 2, 5])
def test_a_deleted_shard_is_harvested_again(pair, tmp_path, shard):
    path = tmp_path / "acts.zarr"
    run(path, ("2,1",), pair)
    before = contents(path)
    ActivationStore.open(path).shard_path("small@1", shard).unlink()
    assert run(path, ("2,1",), pair).written == 1
    assert contents(path) == before


def test_a_further_layer_keeps_what_is_there(pair, whole, tmp_path):
    path = tmp_path / "acts.zarr"
    run(path, ("2,1",), pair)
    assert run(path, ("4,3",), pair).written == 2 * 6
    assert run(path, ("2,3",), pair).written == 0
    store = ActivationStore.open(path)
    assert store.tuples == (("big@2", "small@1"), ("big@4", "small@3"), ("big@2", "small@3"))
    for source in whole[0].sources:
        assert (store.activations(source.key)[:] == whole[0].activations(source.key)[:]).all()


def test_a_further_model_on_the_same_rows(pair, models, tmp_path):
    save_model(tmp_path / "third", "gpt2", seed=3)
    path = tmp_path / "acts.zarr"
    run(path, ("2,1",), pair)
    assert run(path, ("1",), [tmp_path / "third"]).written == 6
    assert len(ActivationStore.open(path).sources) == 3


def test_the_same_model_twice_is_run_once(pair, tmp_path):
    report = run(tmp_path / "a", ("2,2",), [pair[0], pair[0]])
    assert report.tuples == (("big@2", "big@2"),)
    assert len(report.sources) == 1
    assert report.written == 6


def test_spellings_and_the_note(pair, tmp_path):
    notes = []

    class Noting(Silent):
        def note(self, text):
            notes.append(text)

    layers = ("blocks.1.hook_resid_post,model.layers.0",)
    report = run(tmp_path / "a", layers, pair, progress=Noting())
    assert report.tuples == (("big@2", "small@1"),)
    assert notes == [
        "big@2: input of transformer.h.2 (hidden_states[2]), 32 wide, float32",
        "small@1: input of model.layers.1 (hidden_states[1]), 32 wide, float32",
    ]


def test_no_absolute_path_is_stored(pair, tmp_path):
    run(tmp_path / "a", ("2,1",), pair)
    for name, data in contents(tmp_path / "a").items():
        assert str(tmp_path).encode() not in data, name
        assert str(pair[0].parent).encode() not in data, name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seq_len": 16}, "seq_len 24, now 16"),
        ({"seed": 1}, "seed 0, now 1"),
        ({"codec": "fp32"}, "codec bf16, now fp32"),
        ({"corpus": corpus_of(["other text"])}, "the data set"),
        ({"dtype": "bfloat16"}, "dtype 'float32'; asked for 'bfloat16'"),
    ],
)
def test_a_store_of_another_request_is_refused(pair, whole, changes, message):
    before = contents(whole[0].path)
    with pytest.raises(RequestError, match=message):
        run(whole[0].path, ("2,1",), pair, **changes)
    assert contents(whole[0].path) == before


def test_a_store_that_holds_more_than_is_asked_for_will_do(pair, whole):
    before = contents(whole[0].path)
    report = run(whole[0].path, ("2,1",), pair, tokens=600)
    assert (report.written, report.rows) == (0, 700)
    assert contents(whole[0].path) == before


def test_another_batch_size_goes_on(pair, whole):
    assert run(whole[0].path, ("2,1",), pair, batch_size=5).written == 0


def test_a_retrained_model_is_noticed(tmp_path):
    save_model(tmp_path / "m", "gpt2")
    run(tmp_path / "a", ("1",), [tmp_path / "m"])
    save_model(tmp_path / "m", "gpt2", seed=8)
    with pytest.raises(RequestError, match="revision"):
        run(tmp_path / "a", ("1",), [tmp_path / "m"])


@pytest.mark.parametrize(
    ("layers", "changes", "message"),
    [
        (("2",), {}, "names 1 layer"),
        (("2,4",), {}, "small is out of range: it has 3 blocks"),
        (("2,1",), {"seq_len": 65}, "64 positions"),
        (("2,1",), {"corpus": corpus_of([])}, "no rows left"),
        (("2,1",), {"corpus": corpus_of(["", ""])}, "no rows left"),
        (("2,1",), {"blocks": "model.layers"}, "--blocks model.layers"),
    ],
)
def test_refused_before_anything_is_written(pair, tmp_path, layers, changes, message):
    with pytest.raises(RequestError, match=message):
        run(tmp_path / "acts.zarr", layers, pair, **changes)
    assert list(tmp_path.iterdir()) == []


def test_no_models(tmp_path):
    with pytest.raises(RequestError, match="no model given"):
        run(tmp_path / "acts.zarr", ("1",), [])


def test_something_else_at_the_stores_place(pair, tmp_path):
    (tmp_path / "acts.zarr").mkdir()
    with pytest.raises(RequestError, match=r"acts\.zarr"):
        run(tmp_path / "acts.zarr", ("2,1",), pair)


def test_a_text_that_ends_early_says_so(pair, tmp_path):
    notes = []

    class Noting(Silent):
        def note(self, text):
            notes.append(text)

    corpus = corpus_of(["alpha beta", "gamma delta", "beta"])
    report = run(tmp_path / "a", ("2,1",), pair, corpus=corpus, progress=Noting())
    assert f"the text ends after {report.rows} of 700 rows" in notes


def test_a_single_document_has_a_heldout_part_too(pair, tmp_path):
    corpus = corpus_of(["alpha beta gamma " * 60])
    run(tmp_path / "a", ("2,1",), pair, corpus=corpus)
    store = ActivationStore.open(tmp_path / "a")
    assert store.splits["heldout"]
    assert store.splits["train"]


def test_open_length_follows_the_models(pair, tmp_path):
    run(tmp_path / "a", ("2,1",), pair, seq_len=None)
    assert ActivationStore.open(tmp_path / "a").attributes["config"]["seq_len"] == 64
    assert run(tmp_path / "a", ("2,1",), pair, seq_len=None).written == 0


def test_blocks_by_path(pair, tmp_path):
    report = run(tmp_path / "a", ("2",), pair[:1], blocks="transformer.h")
    assert report.written == 6


def test_shards_of_one_size_and_a_store_of_one_shard(pair, tmp_path):
    run(tmp_path / "a", ("2,1",), pair, shard_rows=1024, chunk_rows=1024)
    store = ActivationStore.open(tmp_path / "a")
    assert store.n_shards == 1
    assert tiny_harvest.SMALL["tokens"] == store.n_rows
