"""Per-sequence sums: a sequence cut in two is one sequence."""

import numpy as np
from evaluating import make_world

from xc.evaluate.sequence_sums import merge, per_sequence, totals


def test_merging_pieces_gives_the_whole() -> None:
    world = make_world(60)
    columns = np.random.default_rng(0).normal(size=(60, 3))
    whole = per_sequence(world.block(0, 60), columns)
    pieces = [per_sequence(world.block(a, b), columns[a:b]) for a, b in ((0, 7), (7, 7), (7, 60))]
    merged = merge(merge(pieces[0], pieces[1]), pieces[2])
    np.testing.assert_array_equal(merged["sequence"], np.unique(world.sequence))
    np.testing.assert_allclose(merged["table"], whole["table"], atol=1e-12)


def test_other_arrays_are_added() -> None:
    part = {"sequence": np.array([1]), "table": np.ones((1, 2)), "n": np.array([2.0])}
    both = merge(part, part)
    assert both["n"].tolist() == [4.0]
    assert totals(both)["table"].tolist() == [2.0, 2.0]
