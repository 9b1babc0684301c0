"""One class per latent whatever the number of sources: what the classes of all pairs agree on.

With two sources it is the class of the pair. With more, a latent is shared or dead if every pair
says so, and one source's own if every pair says so that this source is part of; all others are
`other`. With one source there is nothing to share: latents that fire are `alive`.
"""

from collections.abc import Sequence

import numpy as np

from xc.evaluate.class_thresholds import DEAD, OTHER, SHARED
from xc.evaluate.facts import Facts
from xc.evaluate.letters import letter

ALIVE = "alive"
ONLY = "_only"
"""End of the name of a class that belongs to one source."""


def class_names(letters: Sequence[str]) -> tuple[str, ...]:
    """Every class that latents of these sources can have, in order."""
    if len(letters) < 2:
        return ALIVE, DEAD
    return SHARED, *(f"{source}{ONLY}" for source in letters), OTHER, DEAD


def needed(facts: Facts) -> str:
    """The metric that the classes follow from."""
    return "class" if facts.pairs else "frequency"


def classes(facts: Facts) -> np.ndarray:
    """A label per latent [latent]; needs the metric that `needed` names."""
    if not facts.pairs:
        return np.where(facts.alive, ALIVE, DEAD)
    labels, pairs = facts.values["class"], [(letter(p), letter(q)) for p, q in facts.pairs]
    return facts.derived("overall class", labels, lambda: agreed(labels, pairs))


def agreed(labels: np.ndarray, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """What all pairs say of each latent.

    Args:
        labels: [latent, pair].
        pairs: letters of the sources of each column.
    """
    if len(pairs) == 1:
        return labels[:, 0]
    overall = np.full(len(labels), OTHER, dtype="<U16")
    for name in (SHARED, DEAD):
        overall[(labels == name).all(axis=1)] = name
    for source in dict.fromkeys(name for pair in pairs for name in pair):
        own = [i for i, pair in enumerate(pairs) if source in pair]
        overall[(labels[:, own] == f"{source}{ONLY}").all(axis=1)] = f"{source}{ONLY}"
    return overall


def counts(facts: Facts) -> dict[str, int | None]:
    """`n_shared`, `n_a_only`, … and `n_persistence_1`, … over all sources, for more than two; null
    where not measured.

    Two have them by their pair already, and the dead are counted by a metric of their own.
    """
    if len(facts.pairs) < 2:
        return {}
    letters = [letter(m) for m in range(facts.decoder.n_sources)]
    names = [name for name in class_names(letters) if name != DEAD]
    if needed(facts) not in facts.values:
        found: dict[str, int | None] = {f"n_{name}": None for name in names}
    else:
        labels = classes(facts)
        found = {f"n_{name}": int(np.count_nonzero(labels == name)) for name in names}
    return found | _persisting(facts)


def _persisting(facts: Facts) -> dict[str, int | None]:
    """`n_persistence_K`: latents that fire and are present in K sources."""
    keys = {f"n_persistence_{k}": k for k in range(1, facts.decoder.n_sources + 1)}
    if not {"persistence", "frequency"} <= set(facts.values):
        return dict.fromkeys(keys)
    found = facts.values["persistence"][facts.alive]
    return {key: int(np.count_nonzero(found == k)) for key, k in keys.items()}
