"""What is spliced in: the checkpoint's own decode, on the model's own scale, row by row."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import planted
import pytest
from measured import Case
from training import mask_rows

from xc.evaluate.reader import Reader
from xc.evaluate.spliced_rows import SplicedRows
from xc.store_schema import Checkpoint, RowFilter, RunLayout

MakeCase = Callable[..., Case]


def normalised(checkpoint: Checkpoint) -> Checkpoint:
    rng = np.random.default_rng(0)
    mean = tuple(rng.normal(size=s.d_model).astype(np.float32) for s in checkpoint.sources)
    return replace(checkpoint, scale=(0.5, 2.0), mean=mean)


def decoupled(checkpoint: Checkpoint) -> Checkpoint:
    fn = {"name": "batch_topk", "k": 2, "code_norm": "decoupled"}
    return replace(checkpoint, activation_fn=fn, threshold=np.array([0.3, 0.6]))


def centred(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, centre_rows=(True, False))


def changed(checkpoint: Checkpoint) -> Checkpoint:
    """Scaled, shifted, rows centred, each source with its own threshold."""
    return centred(decoupled(normalised(checkpoint)))


@pytest.mark.parametrize("mend", [lambda c: c, normalised, decoupled, centred, changed])
@pytest.mark.parametrize("folded", [False, True])
def test_it_is_the_folded_checkpoints_decode(make_case: MakeCase, mend, folded):
    case = make_case(mend=lambda c: mend(c).fold() if folded else mend(c))
    ((start, stop),) = case.store.splits["heldout"]
    raw = [case.store.activations(key)[start:stop] for key in planted.KEYS]
    plain = case.checkpoint.fold()
    wanted = plain.decode(case.checkpoint.encode(raw))
    for source, (x, xhat) in enumerate(zip(raw, wanted, strict=True)):
        means = x.mean(axis=1, keepdims=True) * plain.centre_rows[source]
        rows = SplicedRows(Reader(case.store.path, case.run.root, 64), source)
        found = [rows.reconstruct(a, min(a + 50, stop)) for a in range(start, stop, 50)]
        assert found[0].dtype == np.float32
        np.testing.assert_allclose(np.concatenate(found), xhat + means, rtol=1e-4, atol=1e-4)
        assert rows.chosen(start, stop).all()


def test_rows_of_the_mask_and_of_the_filter_keep_their_own(make_case: MakeCase):
    case = make_case()
    mask = np.random.default_rng(0).random(case.store.n_rows) < 0.7
    mask_rows(case.store, mask)
    run = RunLayout(case.run.root.with_name("again"))
    planted.write_run(run.root, case.checkpoint, case.store, row_filter=RowFilter(("neither",)))
    ((start, stop),) = case.store.splits["heldout"]
    rows = SplicedRows(Reader(case.store.path, run.root, 64), 0)
    assert (rows.chosen(start, stop) == mask[start:stop]).all()


def test_an_empty_range_gives_no_rows(make_case: MakeCase):
    case = make_case()
    start = case.store.splits["heldout"][0][0]
    rows = SplicedRows(Reader(case.store.path, case.run.root, 64), 1)
    assert rows.reconstruct(start, start).shape == (0, 16)
