"""Unigram and bigram language models: the yardsticks of the embedded models' held-out loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xc.zoo.windows import Ids, TokenizedCorpus

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Unigram:
    """Token frequencies with one added to every count."""

    log_probability: Floats
    """Natural logarithms, [token]."""

    @classmethod
    def fit(cls, corpus: TokenizedCorpus, *, vocab_size: int) -> "Unigram":
        """Count the tokens of a corpus."""
        counts = np.bincount(np.concatenate(corpus.documents), minlength=vocab_size) + 1.0
        return cls(np.log(counts / counts.sum()))

    def cross_entropy(self, corpus: TokenizedCorpus) -> float:
        """Mean over the tokens of a corpus, in nats."""
        return float(-self.log_probability[np.concatenate(corpus.documents)].mean())


@dataclass(frozen=True)
class Bigram:
    """Interpolated Kneser-Ney: the strongest smoothing of a bigram (Chen and Goodman 1999).

    p(w|v) = max(c(v,w) - D, 0)/c(v) + D·n(v)/c(v) · q(w), where n(v) counts the different tokens
    seen after v, q(w) is proportional to one more than the different tokens seen before w, and D
    is the leave-one-out estimate n1/(n1 + 2 n2) from the numbers of pairs seen once and twice.
    """

    pairs: Ids
    """Codes v·vocab_size + w of the pairs seen, sorted, [pair]."""
    counts: Ids
    """How often each pair was seen, [pair]."""
    context_counts: Floats
    """c(v), [token]."""
    successors: Floats
    """n(v), [token]."""
    lower: Floats
    """q(w), [token]."""
    discount: float
    """D."""

    @classmethod
    def fit(cls, corpus: TokenizedCorpus, *, vocab_size: int) -> "Bigram":
        """Count the pairs of a corpus; the first token of a document follows BOS."""
        pairs, counts = np.unique(_pairs(corpus, vocab_size=vocab_size), return_counts=True)
        first, second = np.divmod(pairs, vocab_size)
        predecessors = np.bincount(second, minlength=vocab_size) + 1.0
        once, twice = float((counts == 1).sum()), float((counts == 2).sum())
        return cls(
            pairs=pairs,
            counts=counts,
            context_counts=np.bincount(first, weights=counts, minlength=vocab_size).astype(float),
            successors=np.bincount(first, minlength=vocab_size).astype(float),
            lower=predecessors / predecessors.sum(),
            discount=once / (once + 2 * twice) if once else 0.5,
        )

    def cross_entropy(self, corpus: TokenizedCorpus) -> float:
        """Mean over the tokens of a corpus, in nats."""
        vocab_size = len(self.lower)
        codes = _pairs(corpus, vocab_size=vocab_size)
        return float(-np.log(self.probability(*np.divmod(codes, vocab_size))).mean())

    def probability(self, first: Ids, second: Ids) -> Floats:
        """p(second | first), both [row] -> [row]."""
        codes = first * len(self.lower) + second
        at = np.minimum(np.searchsorted(self.pairs, codes), len(self.pairs) - 1)
        count = np.where(self.pairs[at] == codes, self.counts[at], 0)
        total = self.context_counts[first]
        seen = np.maximum(total, 1.0)
        backoff = np.where(total > 0, self.discount * self.successors[first] / seen, 1.0)
        probability: Floats = (
            np.maximum(count - self.discount, 0.0) / seen + backoff * self.lower[second]
        )
        return probability


def _pairs(corpus: TokenizedCorpus, *, vocab_size: int) -> Ids:
    return np.concatenate(list(_coded(corpus.documents, corpus.bos_id, vocab_size)))


def _coded(documents: Iterable[Ids], bos_id: int, vocab_size: int) -> Iterable[Ids]:
    for ids in documents:
        yield np.concatenate([[bos_id], ids[:-1]]) * vocab_size + ids
