"""Cutting documents into windows."""

import numpy as np
import pytest

from xc.zoo.windows import IGNORED, TokenizedCorpus, batches, cover, sample_epoch


def test_cover_predicts_every_token_once(corpus: TokenizedCorpus) -> None:
    windows = cover(corpus, length=16)
    kept = windows.targets[windows.targets != IGNORED]
    assert kept.tolist() == np.concatenate(corpus.documents).tolist()
    assert len(kept) == corpus.n_tokens


@pytest.mark.parametrize("length", [4, 16, 64, 300])
def test_windows_open_with_bos_and_inputs_are_targets_moved(
    corpus: TokenizedCorpus, length: int
) -> None:
    for windows in (
        cover(corpus, length=length),
        sample_epoch(corpus, length=length, generator=np.random.default_rng(0)),
    ):
        assert (windows.inputs[:, 0] == corpus.bos_id).all()
        follows = windows.targets[:, 1:] != IGNORED
        assert (windows.inputs[:, 1:][follows] == windows.targets[:, :-1][follows]).all()
        assert (windows.inputs[:, 1:][~follows] == corpus.pad_id).all()


def test_an_epoch_holds_every_position_and_pads_short_documents_only(
    corpus: TokenizedCorpus,
) -> None:
    windows = sample_epoch(corpus, length=16, generator=np.random.default_rng(1))
    text = np.concatenate(corpus.documents).tolist()
    kept = windows.targets[windows.targets != IGNORED]
    assert set(kept.tolist()) == set(text)
    assert len(kept) >= len(text)
    padded = (windows.targets == IGNORED).any(axis=1).sum()
    assert padded == sum(len(ids) < 16 for ids in corpus.documents)


def test_no_window_crosses_documents(corpus: TokenizedCorpus) -> None:
    eos = 1
    windows = sample_epoch(corpus, length=16, generator=np.random.default_rng(2))
    assert not (windows.inputs == eos).any()


def test_epochs_differ_and_seeds_differ(corpus: TokenizedCorpus) -> None:
    def draw(seed: int) -> list[list[int]]:
        epoch = sample_epoch(corpus, length=16, generator=np.random.default_rng(seed))
        return epoch.inputs.tolist()

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


@pytest.mark.parametrize("skip", [0, 1, 5, 6, 7, 23])
def test_skipping_gives_what_would_have_followed(corpus: TokenizedCorpus, skip: int) -> None:
    def draw(n: int, skip: int) -> list[list[list[int]]]:
        stream = batches(corpus, length=16, batch_size=4, seed=9, skip=skip)
        return [next(stream).inputs.tolist() for _ in range(n)]

    assert draw(30, 0)[skip:] == draw(30 - skip, skip)
