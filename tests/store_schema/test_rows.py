"""Rows lie where the text says."""

import numpy as np

from xc.store_schema import ActivationStore
from xc.store_schema.rows import open_rows, read_sequences, read_vocabulary


def test_every_row_is_the_token_of_its_sequence_and_position(store: ActivationStore) -> None:
    rows, text = open_rows(store.path), read_sequences(store.path)
    for row in range(0, store.n_rows, 7):
        tokens = text.tokens(int(rows.sequence[row]))
        assert tokens[rows.position[row]] == rows.token_id[row]
    np.testing.assert_array_equal(
        text.row_offsets, np.searchsorted(rows.sequence[:], np.arange(text.n + 1))
    )


def test_the_vocabulary_tells_every_token(store: ActivationStore) -> None:
    vocabulary = read_vocabulary(store.path)
    assert len(vocabulary) == 200
    assert [vocabulary.piece(i) for i in (0, 3, 199)] == ["<bos>", " w3", " w199"]
