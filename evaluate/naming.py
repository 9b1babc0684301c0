"""The names under which a metric's value is reported, by scope and number of sources.

With two sources a pair needs no suffix, and a direction is B's, or A's with `_mirror`. With more,
pairs are `_a_b` and the direction of B is `_on_b`. With one there is neither pair nor direction.
"""

from collections.abc import Iterator
from functools import cache
from types import EllipsisType

import numpy as np

from xc.evaluate.letters import letter
from xc.evaluate.metric import Metric, Scope

Indices = Iterator[tuple[str, tuple[int, ...]]]
"""Output names, each with its index into the value (behind the latent axis, if there is one)."""
Named = tuple[str, tuple[EllipsisType | int, ...]]
"""One of them, with what takes it out of the value."""


def names(metric: Metric, n_sources: int) -> list[str]:
    """All output names of a metric."""
    return [name for name, _ in _named(metric.scope, metric.output, metric.suffix, n_sources)]


def named_values(metric: Metric, value: np.ndarray, n_sources: int) -> dict[str, np.ndarray]:
    """A value taken apart: scalars (0-d) or columns [latent] by output name."""
    named = _named(metric.scope, metric.output, metric.suffix, n_sources)
    return {name: value[index] for name, index in named}


@cache
def _named(scope: Scope, output: str, suffix: str, n: int) -> tuple[Named, ...]:
    return tuple((name + suffix, (..., *index)) for name, index in _RULES[scope](output, n))


def _single(output: str, n: int) -> Indices:
    yield output, ()


def _sources(output: str, n: int) -> Indices:
    for m in range(n):
        yield f"{output}_{letter(m)}", (m,)


def _pairs(output: str, n: int) -> Indices:
    pairs = [(p, q) for p in range(n) for q in range(p + 1, n)]
    for i, (p, q) in enumerate(pairs):
        base = output.format(p=letter(p), q=letter(q))
        yield base if n == 2 else f"{base}_{letter(p)}_{letter(q)}", (i,)


def _mirrored_pairs(output: str, n: int) -> Indices:
    for suffix, side in (("", 0), ("_mirror", 1)):
        for name, (pair,) in _pairs(output + suffix, n):
            yield name, (pair, side)


def _directions(output: str, n: int) -> Indices:
    for t in reversed(range(n if n > 1 else 0)):
        for m in range(n):
            name = f"{output}_{letter(m)}"
            if n == 2:
                yield name + ("_mirror" if t == 0 else ""), (m, t)
            else:
                yield f"{name}_on_{letter(t)}", (m, t)


def _nothing(output: str, n: int) -> Indices:
    return iter(())


_RULES = {
    Scope.PAIR_NUMBERS: _nothing,
    Scope.SCALAR: _single,
    Scope.LATENT: _single,
    Scope.PER_SOURCE: _sources,
    Scope.LATENT_SOURCE: _sources,
    Scope.PER_PAIR: _pairs,
    Scope.LATENT_PAIR: _pairs,
    Scope.LATENT_PAIR_MIRROR: _mirrored_pairs,
    Scope.LATENT_SOURCE_DIRECTION: _directions,
}
