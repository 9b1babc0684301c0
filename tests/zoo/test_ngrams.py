"""The n-gram yardsticks are probability models, fitted on the training part only."""

import numpy as np
import pytest

from xc.zoo.ngrams import Bigram, Unigram
from xc.zoo.windows import TokenizedCorpus


def test_unigram_sums_to_one_and_counts(corpus: TokenizedCorpus) -> None:
    unigram = Unigram.fit(corpus, vocab_size=64)
    assert np.exp(unigram.log_probability).sum() == pytest.approx(1)
    eos = (7 + 1) / (corpus.n_tokens + 64)
    assert unigram.log_probability[1] == pytest.approx(np.log(eos))


@pytest.mark.parametrize("first", [0, 1, 6, 63])
def test_bigram_sums_to_one_after_seen_and_unseen_tokens(
    corpus: TokenizedCorpus, first: int
) -> None:
    bigram = Bigram.fit(corpus, vocab_size=64)
    probability = bigram.probability(np.full(64, first), np.arange(64))
    assert (probability > 0).all()
    assert probability.sum() == pytest.approx(1)


def test_bigram_learns_what_follows(corpus: TokenizedCorpus) -> None:
    bigram, unigram = (kind.fit(corpus, vocab_size=64) for kind in (Bigram, Unigram))
    assert bigram.cross_entropy(corpus) < 0.4 * unigram.cross_entropy(corpus)


def test_bigram_on_uniform_noise_is_no_better_than_chance() -> None:
    rng = np.random.default_rng(0)
    train, heldout = (
        TokenizedCorpus((rng.integers(0, 16, 20_000),), n_bytes=0, bos_id=0, pad_id=2)
        for _ in range(2)
    )
    bigram = Bigram.fit(train, vocab_size=16).cross_entropy(heldout)
    assert bigram == pytest.approx(np.log(16), abs=0.02)
