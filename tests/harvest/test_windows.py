"""Sequences: BOS first, one document each, every token once, as many rows as asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.harvest.windows import cut, take_windows
from xc.store_schema import Silent

BOS, SPECIAL = 0, np.asarray([0, 1], dtype=np.int32)


class Numbers:
    """A tokenizer of texts that are numbers already."""

    special_ids = (0, 1)

    def __init__(self, bos_id):
        self.bos_id = bos_id

    def encode(self, texts):
        return [np.asarray(t.split(), dtype=np.int32) for t in texts]


def take(documents, *, tokens=10**9, seq_len=8, bos_id=BOS):
    return take_windows(
        iter(documents), Numbers(bos_id), tokens=tokens, seq_len=seq_len, progress=Silent()
    )


documents = st.lists(st.lists(st.integers(1, 9), max_size=30), min_size=1, max_size=12)


@given(documents, st.integers(2, 9), st.sampled_from([None, BOS]))
def test_every_token_once_in_its_document(ids, seq_len, bos_id):
    windows = take([" ".join(map(str, d)) for d in ids], seq_len=seq_len, bos_id=bos_id)
    skip = 0 if bos_id is None else 1
    for window in windows:
        assert len(window.token_ids) <= seq_len
        assert list(window.token_ids[:skip]) == [BOS][:skip]
        assert not window.keep[:skip].any()
        assert window.keep.any()
    for number, document in enumerate(ids):
        kept = [w.token_ids[w.keep] for w in windows if w.document == number]
        assert [int(i) for part in kept for i in part] == [i for i in document if i != 1]


@given(documents, st.integers(1, 40))
def test_as_many_rows_as_asked_for(ids, tokens):
    texts = [" ".join(map(str, d)) for d in ids]
    everything = take(texts)
    total = sum(w.n_rows for w in everything)
    some = take(texts, tokens=tokens)
    assert sum(w.n_rows for w in some) == min(tokens, total)
    joined, whole = (
        [int(i) for w in windows for i in w.token_ids[w.keep]] for windows in (some, everything)
    )
    assert joined == whole[: len(joined)]


def test_no_more_text_is_read_than_needed():
    def endless():
        while True:
            yield "2 3 4 5"

    assert sum(w.n_rows for w in take(endless(), tokens=1000)) == 1000


def test_a_long_document_is_cut_in_consecutive_windows():
    windows = list(cut(7, np.arange(2, 12), bos=np.asarray([BOS]), special=SPECIAL, seq_len=5))
    assert [list(w.token_ids) for w in windows] == [[0, 2, 3, 4, 5], [0, 6, 7, 8, 9], [0, 10, 11]]
    assert {w.document for w in windows} == {7}


@pytest.mark.parametrize("text", ["", "1 1 1"])
def test_documents_without_rows_leave_nothing(text):
    assert take([text]) == []
