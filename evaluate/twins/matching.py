"""Twins of all rows, and of other choices of them: latents cease to fire, directions stay."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from xc.evaluate.decoder_pairs import cosines, of_class
from xc.evaluate.facts import Facts
from xc.evaluate.twins.pairs import Pairs, chains, deranged, greedy, hungarian, joined, similar
from xc.evaluate.twins.table import FALSE, GREEDY, HUNGARIAN, Chosen
from xc.store_schema import Progress, Silent

METHODS: dict[str, Callable[[Pairs], Pairs]] = {HUNGARIAN: hungarian, GREEDY: greedy}

TITLE = "matching twins"
LONG = 10**10
"""Products from which on a bar is drawn: a second or more of one core."""

_STREAM = 7


def match(
    facts: Facts,
    classes: Iterable[np.ndarray],
    pair: int,
    sources: str,
    *,
    cosine: float,
    progress: Progress | None = None,
) -> list[list[Chosen]]:
    """What each method finds between two sources of equal width, by choice of rows.

    Latents are matched anew with each choice of rows. The false pairs are drawn with the first;
    with others those remain whose latents are still twins.

    Args:
        facts: with the directions.
        classes: of all rows, then of other choices of rows: labels [latent, pair].
        pair: number of the pair of sources.
        sources: their letters.
        cosine: threshold.
        progress: told of the first source's latents, where it takes long.
    """
    members = [_exclusive(facts, labels, pair) for labels in classes]
    progress = Silent() if progress is None else progress
    candidates = _candidates(facts, pair, np.any(members, axis=0), cosine, progress)
    there = [own[0][candidates.a] & own[1][candidates.b] for own in members]
    found = {name: _by_choice(candidates, there, method) for name, method in METHODS.items()}
    false = _false(facts, pair, found[HUNGARIAN][0])
    by_choice = zip(found[HUNGARIAN], found[GREEDY], strict=True)
    return [
        [_chosen(sources, HUNGARIAN, best), _chosen(sources, GREEDY, greedily)]
        + ([_chosen(sources, FALSE, _still(false, best))] if len(false) else [])
        for best, greedily in by_choice
    ]


def _chosen(sources: str, method: str, pairs: Pairs) -> Chosen:
    return Chosen(sources, method, pairs.a, pairs.b, pairs.cosine)


def _exclusive(facts: Facts, labels: np.ndarray, pair: int) -> np.ndarray:
    """Latents of the first source only, and of the second only: bool [2, latent]."""
    return np.stack([of_class(facts, end, labels)[:, pair] for end in ("{p}_only", "{q}_only")])


def _candidates(
    facts: Facts, pair: int, ever: np.ndarray, cosine: float, progress: Progress
) -> Pairs:
    """Latents that are exclusive with any choice of rows and point the same way."""
    (p, q), W = facts.pairs[pair], facts.decoder.W
    first, second = (np.flatnonzero(own) for own in ever)
    told = progress if len(first) * W[q][second].size >= LONG else Silent()
    told.start(TITLE, len(first), "latents")
    try:
        near = similar(W[p][first], W[q][second], above=cosine, told=told.advance)
    finally:
        told.finish()
    return Pairs(first[near.a], second[near.b], near.cosine)


def _by_choice(
    candidates: Pairs, there: Sequence[np.ndarray], method: Callable[[Pairs], Pairs]
) -> list[Pairs]:
    """What a method finds among those candidates that are there, for every choice.

    Chains of candidates that are as in the first choice are not matched anew.
    """
    whole, chain = method(candidates.take(there[0])), chains(candidates)
    out = [whole]
    for own in there[1:]:
        touched = np.isin(chain, chain[own != there[0]])
        kept = whole.take(~np.isin(whole.a, candidates.a[touched]))
        out.append(joined(kept, method(candidates.take(own & touched))))
    return out


def _false(facts: Facts, pair: int, twins: Pairs) -> Pairs:
    """The twins' latents paired anew; nothing for fewer than two."""
    if len(twins) < 2:
        return twins.take(np.zeros(0, dtype=np.int64))
    (p, q), W = facts.pairs[pair], facts.decoder.W
    a, b = twins.a, twins.b[deranged(len(twins), facts.generator(_STREAM))]
    return Pairs(a, b, cosines(W[p][a], W[q][b]))


def _still(false: Pairs, twins: Pairs) -> Pairs:
    return false.take(np.isin(false.a, twins.a) & np.isin(false.b, twins.b))
