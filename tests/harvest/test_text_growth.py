"""More tokens for a store: what is there stays, byte for byte, and is not computed again."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import contents
from tiny_harvest import corpus_of, make_texts, run, save_model

from xc.harvest import HarvestConfig, Mixture
from xc.harvest.open_text import has_text
from xc.store_schema import ActivationStore, RequestError, Silent
from xc.store_schema.verify import verify

LAYERS = ("2,1",)
KEYS = ("big@2", "small@1")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "big", "gpt2", n_layer=4)
    save_model(folder / "small", "llama", seed=1)
    return [folder / "big", folder / "small"]


def test_without_a_number_the_store_keeps_its_own(pair, tmp_path):
    path = tmp_path / "acts.zarr"
    run(path, LAYERS, pair, tokens=300)
    before = contents(path)
    assert run(path, LAYERS, pair, tokens=None).rows == 300
    assert contents(path) == before


@pytest.mark.parametrize(("tokens", "ready"), [(300, True), (None, True), (301, False)])
def test_workers_wait_for_the_text_that_they_are_to_run(pair, tmp_path, tokens, ready):
    path = tmp_path / "acts.zarr"
    config = HarvestConfig(layers=LAYERS, store=path, tokens=tokens)
    assert not has_text(config)
    run(path, LAYERS, pair, tokens=300)
    assert has_text(config) == ready


class Counting(Silent):
    """Counts the rows that models run, and keeps what is said."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.notes: list[str] = []
        self._title = ""

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self._title = title

    def advance(self, amount: int) -> None:
        self.rows[self._title] = self.rows.get(self._title, 0) + amount

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def grown(pair, tmp_path_factory):
    """A store of 300 rows, as it was, and made 700 rows long."""
    path = tmp_path_factory.mktemp("grown") / "acts.zarr"
    run(path, LAYERS, pair, tokens=300)
    before = ActivationStore.open(path)
    old = {
        "rows": {k: before.activations(k).raw[:] for k in KEYS},
        "tokens": before.sequences.token_ids[:],
        "split": before.sequences.split,
        "document": before.sequences.document,
        "shards": {k: before.shard_path(k, 0).read_bytes() for k in KEYS},
        "fingerprint": before.fingerprint,
    }
    counting = Counting()
    report = run(path, LAYERS, pair, tokens=700, progress=counting)
    return path, old, report, counting


def test_it_is_said_beforehand(grown):
    assert grown[3].notes[0].startswith(f"{grown[0]} grows from 300 to 700 rows; runs that were")


@pytest.mark.parametrize("wrong", ["model", "layer", "data set", "nothing"])
def test_nothing_is_said_of_a_store_that_does_not_grow(grown, pair, tmp_path, wrong):
    (tmp_path / "no-model").mkdir()
    models = [pair[0], tmp_path / "no-model"] if wrong == "model" else pair
    layers = ("2,9",) if wrong == "layer" else LAYERS
    corpus = corpus_of(make_texts(seed=9)) if wrong == "data set" else None
    tokens, counting = 700 if wrong == "nothing" else 900, Counting()
    with nullcontext() if wrong == "nothing" else pytest.raises(RequestError):
        run(grown[0], layers, models, corpus=corpus, tokens=tokens, progress=counting)
    assert not any("grows" in note for note in counting.notes)


def test_what_was_there_is_there(grown):
    path, old, report, _ = grown
    store = ActivationStore.open(path)
    assert (report.rows, store.n_rows) == (700, 700)
    for key in KEYS:
        found = store.activations(key).raw[:300]
        assert found.tobytes() == old["rows"][key].tobytes()
        assert store.shard_path(key, 0).read_bytes() == old["shards"][key]
    n = len(old["tokens"])
    np.testing.assert_array_equal(store.sequences.token_ids[:n], old["tokens"])
    np.testing.assert_array_equal(store.sequences.split[: len(old["split"])], old["split"])
    assert store.fingerprint != old["fingerprint"]
    assert [s["rows"] for s in store.attributes["segments"]] == [300, 400]
    assert store.attributes["config"]["tokens"] == 700
    assert verify(path) == []


def test_the_new_rows_are_what_one_harvest_would_give(grown, pair, tmp_path):
    """The same tokens in the same documents; each row the same activation, up to rounding."""
    path, _, _, _ = grown
    run(tmp_path / "at-once", LAYERS, pair)
    store, at_once = ActivationStore.open(path), ActivationStore.open(tmp_path / "at-once")

    def documents(s: ActivationStore) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for i in range(s.sequences.n):
            found.setdefault(int(s.sequences.document[i]), []).extend(
                s.sequences.tokens(i)[1:].tolist()
            )
        return {d: sorted(ids) for d, ids in found.items()}

    assert documents(store) == documents(at_once)
    assert dict(zip(store.sequences.document, store.sequences.split, strict=True)).items() >= {
        d: s for d, s in zip(at_once.sequences.document, at_once.sequences.split, strict=True)
        if d in store.sequences.document[:4]
    }.items()  # fmt: skip


def test_models_run_the_new_rows_alone(grown):
    _, _, _, counting = grown
    for name in ("big, layer 2", "small, layer 1"):
        assert 400 <= counting.rows[name] <= 400 + 3 * 24
    assert counting.rows["tokenise"] == 400


def test_no_document_lies_in_both_splits(grown):
    sequences = ActivationStore.open(grown[0]).sequences
    assert not {*sequences.document[sequences.split == 0]} & {
        *sequences.document[sequences.split == 1]
    }


def test_nothing_to_do_afterwards(grown, pair):
    path = grown[0]
    before = contents(path)
    for tokens in (700, 500):
        assert run(path, LAYERS, pair, tokens=tokens).written == 0
    assert contents(path) == before


@pytest.mark.slow
def test_grown_twice_and_then_another_layer(grown, pair, tmp_path):
    path = tmp_path / "acts.zarr"
    for tokens in (300, 700):
        run(path, LAYERS, pair, tokens=tokens)
    assert contents(path) == contents(grown[0])
    run(path, ("4,3",), pair, tokens=600)
    before = contents(path)
    with pytest.raises(RequestError, match="also of big@4, small@3, which would lack the rows"):
        run(path, LAYERS, pair, tokens=800)
    assert contents(path) == before
    run(path, (*LAYERS, "4,3"), pair, tokens=800)
    store = ActivationStore.open(path)
    assert store.n_rows == 800
    assert [s["rows"] for s in store.attributes["segments"]] == [300, 400, 100]
    assert verify(path) == []


@pytest.mark.parametrize("array", ["rows/position", "sequences/token_ids", "sequences/document"])
def test_the_text_of_a_grown_store_is_mended(pair, grown, tmp_path, array):
    path = tmp_path / "acts.zarr"
    for tokens in (300, 700):
        run(path, LAYERS, pair, tokens=tokens)
    file = next(p for p in (path / array / "c").rglob("*") if p.is_file())
    file.write_bytes(file.read_bytes()[:-3])
    assert run(path, LAYERS, pair, tokens=700).written == 0
    assert contents(path) == contents(grown[0])


def test_a_text_that_has_no_more(pair, tmp_path):
    corpus = corpus_of(make_texts(12))
    counting = Counting()
    first = run(tmp_path / "a", LAYERS, pair, corpus=corpus, tokens=100)
    second = run(tmp_path / "a", LAYERS, pair, corpus=corpus, tokens=10**5, progress=counting)
    assert 100 == first.rows < second.rows < 10**5
    assert f"the text ends after {second.rows} of 100000 rows" in counting.notes
    before = contents(tmp_path / "a")
    assert run(tmp_path / "a", LAYERS, pair, corpus=corpus, tokens=10**6).written == 0
    assert contents(tmp_path / "a") == before


def test_a_single_document_goes_on(pair, tmp_path):
    corpus = corpus_of(["alpha beta gamma delta " * 200])
    run(tmp_path / "a", LAYERS, pair, corpus=corpus, tokens=200)
    run(tmp_path / "a", LAYERS, pair, corpus=corpus, tokens=500)
    sequences = ActivationStore.open(tmp_path / "a").sequences
    assert len(set(sequences.document.tolist())) == sequences.n
    assert verify(tmp_path / "a") == []


def test_a_mixture_keeps_its_weights(pair, tmp_path):
    parts = [corpus_of(make_texts(80, seed=s), name=f"part{s}") for s in (1, 2)]
    mixture = Mixture.of(*parts, weights=["0.75", "0.25"])
    for tokens in (400, 1000):
        run(tmp_path / "a", LAYERS, pair, corpus=mixture, tokens=tokens)
    store = ActivationStore.open(tmp_path / "a")
    counts = np.bincount(store.rows.corpus[:], minlength=2)
    assert [p["rows"] for p in store.attributes["corpus"]["parts"]] == counts.tolist()
    assert abs(counts[0] / 1000 - 0.75) < 0.08


def test_another_corpus_is_refused(grown, pair):
    before = contents(grown[0])
    with pytest.raises(RequestError, match="data set"):
        run(grown[0], LAYERS, pair, tokens=900, corpus=corpus_of(make_texts(seed=9)))
    assert contents(grown[0]) == before


def test_rows_follow_their_tokens(grown, pair):
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    path: Path = grown[0]
    store = ActivationStore.open(path)
    model = AutoModelForCausalLM.from_pretrained(pair[0]).eval()
    for i in range(store.sequences.n - 12, store.sequences.n):
        ids = torch.tensor(store.sequences.tokens(i)[None].astype(np.int64))
        with torch.no_grad():
            states = model(ids, output_hidden_states=True).hidden_states[2][0].numpy()
        a, b = store.sequences.row_offsets[i : i + 2].tolist()
        found = store.activations("big@2")[a:b]
        np.testing.assert_allclose(found, states[store.rows.position[a:b]], rtol=2**-8, atol=2e-5)
