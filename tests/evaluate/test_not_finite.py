"""NaN and infinities, anywhere in what an evaluation reads: one line that says where, no number."""

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import planted
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from measured import Case
from safetensors.numpy import load_file, save_file

from xc.store_schema import ActivationStore, NumericalError, SchemaError, XcError

BAD = st.sampled_from([math.nan, math.inf, -math.inf])
ANYWHERE = st.integers(0, 2**20)
"""Taken modulo the number of places."""
WEIGHTS = ("W_enc_0", "W_enc_1", "W_dec_0", "W_dec_1", "b_enc", "b_dec_0", "b_dec_1", "threshold")
few = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """96 rows held out, in two shards; what a test spoils it mends again."""
    root = tmp_path_factory.mktemp("spoilt")
    plan = planted.make_plan(n_sequences=15, shard_rows=64)
    truth = planted.make_truth(plan.n_rows, widths=(16, 12))
    store = planted.write_store(root / "acts.zarr", truth, plan)
    checkpoint = planted.true_crosscoder(truth, store)
    return Case(truth, store, checkpoint, planted.write_run(root / "run", checkpoint, store))


def refused(case: Case, metrics: tuple[str, ...], kind: type[XcError] = NumericalError) -> str:
    """The line of the error; no number is written."""
    shutil.rmtree(case.run.passes, ignore_errors=True)  # of rows that were whole
    fresh = replace(case, store=ActivationStore.open(case.store.path))
    with pytest.raises(kind) as caught:
        fresh.evaluate(metrics=metrics, bootstrap=0, groups=0, keep_passes=False, scheduler="sync")
    text = str(caught.value)
    assert "\n" not in text
    assert not case.run.summary.exists()
    assert not case.run.latents_parquet.exists()
    return text


@contextmanager
def mended(path: Path) -> Iterator[None]:
    """Put a file's bytes back."""
    before = path.read_bytes()
    try:
        yield
    finally:
        path.write_bytes(before)


@few
@given(
    row=ANYWHERE, source=st.integers(0, 1), dim=ANYWHERE, value=BAD,
    metrics=st.sampled_from([(), ("mse",), ("fve",), ("cka",), ("nu_error",)]),
)  # fmt: skip
def test_an_activation(
    case: Case, *, row: int, source: int, dim: int, value: float, metrics: tuple[str, ...]
) -> None:
    (start, stop), *_ = case.store.splits["heldout"]
    row, key = start + row % (stop - start), planted.KEYS[source]
    array = zarr.open_group(case.store.path, mode="r+")[f"activations/{key}"]
    assert isinstance(array, zarr.Array)
    before = np.asarray(array[row : row + 1])
    spoilt = before.copy()
    spoilt[0, dim % before.shape[1]] = value
    array[row : row + 1] = spoilt
    try:
        assert f"row {row} of {key} is not finite" in refused(case, metrics)
    finally:
        array[row : row + 1] = before


@few
@given(entry=ANYWHERE, value=BAD, metrics=st.sampled_from([(), ("l0",), ("frequency",), ("fve",)]))
def test_a_latent(case: Case, entry: int, value: float, metrics: tuple[str, ...]) -> None:
    parts = sorted(case.run.latents.glob("*.parquet"))
    path = parts[entry % len(parts)]
    with mended(path):
        table = pq.read_table(path)
        values = table["activation"].to_numpy().copy()
        values[entry // len(parts) % len(values)] = value
        place = table.column_names.index("activation")
        field = table.schema.field(place)
        pq.write_table(table.set_column(place, field, pa.array(values)), path)
        assert "latents that are NaN, infinite or negative" in refused(case, metrics)


@few
@given(
    name=st.sampled_from(WEIGHTS), at=ANYWHERE, value=BAD,
    metrics=st.sampled_from([(), ("l0",), ("fve",), ("norm",), ("cosine",)]),
)  # fmt: skip
def test_a_weight(case: Case, name: str, at: int, value: float, metrics: tuple[str, ...]) -> None:
    (path,) = case.run.checkpoint.glob("*.safetensors")
    with mended(path):
        tensors = {key: array.copy() for key, array in load_file(path).items()}
        tensors[name].reshape(-1)[at % tensors[name].size] = value
        save_file(tensors, path)
        assert f"{name} holds NaN or infinite" in refused(case, metrics, SchemaError)


def test_mended_it_is_measured(case: Case) -> None:
    """What was refused above was refused for what was put in."""
    found = case.evaluate(bootstrap=0, groups=0, keep_passes=False, scheduler="sync")
    assert found.summary["fve_a"] > 0.5
