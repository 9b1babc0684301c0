"""What does not belong together, or cannot be measured, is refused in one line."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import planted
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from training import mask_rows

from xc.store_schema import (
    ActivationStore,
    DamageError,
    LatentTableWriter,
    NumericalError,
    RequestError,
    XcError,
)

Case = Any
MakeCase = Callable[..., Case]


def refused(case: Case, kind: type[XcError] = RequestError) -> str:
    with pytest.raises(kind) as caught:
        case.evaluate()
    text = str(caught.value)
    assert "\n" not in text
    assert not case.run.summary.exists()
    return text


def test_a_table_of_another_checkpoint(make_case: MakeCase) -> None:
    case = make_case()
    changed = replace(case.checkpoint, b_enc=case.checkpoint.b_enc + np.float32(0.1))
    changed.save(case.run.checkpoint)
    assert "run `xc train` again" in refused(case)


def test_another_store(make_case: MakeCase) -> None:
    case = make_case()
    other = planted.write_store(
        case.run.root.parent / "other.zarr", case.truth, planted.make_plan(), noise=0.3
    )
    assert "give the store it was trained on" in refused(replace(case, store=other))


def test_a_store_without_the_source(make_case: MakeCase) -> None:
    case = make_case()
    sources = (replace(case.checkpoint.sources[0], key="delta@9"), case.checkpoint.sources[1])
    replace(case.checkpoint, sources=sources).save(case.run.checkpoint)
    assert "delta@9" in refused(case)


def test_a_store_of_another_width(make_case: MakeCase) -> None:
    case = make_case(widths=(16, 12))
    first, second = case.checkpoint.sources
    wrong = replace(
        case.checkpoint,
        sources=(replace(first, key=second.key), replace(second, key=first.key)),
        store_fingerprint=None,
    )
    wrong.save(case.run.checkpoint)
    assert "width" in refused(case)


def test_a_table_of_another_store(make_case: MakeCase) -> None:
    case = make_case()
    rewrite_table(case, store="f" * 64)
    assert "another store" in refused(case)


def test_a_table_that_misses_rows(make_case: MakeCase) -> None:
    case = make_case()
    rewrite_table(case, leave_out=100)
    assert "held-out rows" in refused(case)


def test_no_row_held_out(make_case: MakeCase) -> None:
    case = make_case()
    group = zarr.open_group(case.store.path, mode="r+")
    group.attrs["splits"] = {"train": [[0, case.store.n_rows]], "heldout": []}
    store = ActivationStore.open(case.store.path)
    assert "holds out no rows" in refused(replace(case, store=store))


def test_every_held_out_row_masked(make_case: MakeCase) -> None:
    case = make_case()
    mask_rows(case.store, np.zeros(case.store.n_rows, bool))
    store = ActivationStore.open(case.store.path)
    assert "mask" in refused(replace(case, store=store))


def test_an_activation_that_is_not_finite(make_case: MakeCase) -> None:
    case = make_case()
    row = case.store.splits["heldout"][0][0] + 70
    array = zarr.open_group(case.store.path, mode="r+")["activations/beta@2"]
    array[row : row + 1] = np.full((1, 16), np.nan, dtype=array.dtype)
    store = ActivationStore.open(case.store.path)
    assert f"row {row} of beta@2" in refused(replace(case, store=store), NumericalError)


def test_a_latent_that_is_not_finite(make_case: MakeCase) -> None:
    case = make_case()
    spoil(case, "activation", np.inf)
    assert "infinite" in refused(case, NumericalError)


@pytest.mark.parametrize("number", [-1, 1 << 20])
def test_a_latent_that_is_none_of_the_dictionary(make_case: MakeCase, number: int) -> None:
    """Compiled loops would read memory that is not theirs."""
    case = make_case()
    spoil(case, "latent", number)
    assert f"outside 0 to {case.checkpoint.d_sae}" in refused(case, DamageError)


def spoil(case: Case, column: str, value: float) -> None:
    """Put a value into the fourth entry of a part of the latent table."""
    path = next(case.run.latents.glob("*.parquet"))
    table = pq.read_table(path)
    place, values = table.column_names.index(column), table.column(column).to_numpy().copy()
    values[3] = value
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(values)), path)


def rewrite_table(case: Case, *, store: str | None = None, leave_out: int = 0) -> None:
    """Replace the latent table by one with a single entry in each part."""
    for path in case.run.latents.glob("*.parquet"):
        path.unlink()
    keys = [s.key for s in case.checkpoint.sources]
    with LatentTableWriter(
        case.run.latents,
        d_sae=case.checkpoint.d_sae,
        checkpoint=case.checkpoint.fingerprint,
        store=store or case.store.fingerprint_of(keys),
    ) as table:
        (start, stop), *_ = case.store.splits["heldout"]
        entry = np.array([start]), np.array([1], np.int32), np.ones(1, np.float32)
        table.write(start, stop - leave_out, *entry)
