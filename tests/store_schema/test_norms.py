"""Median, sinks and quantiles from stored norms, whatever the size of a block."""

from pathlib import Path

import numpy as np
import pytest
import sinking

from xc.store_schema import DamageError, norms
from xc.store_schema.norms import Norms
from xc.store_schema.quantiles import SHARES
from xc.store_schema.zarr_group import open_group, put_integers


@pytest.mark.parametrize("block_rows", [1, 128, 1 << 21])
def test_equal_to_numpy_in_any_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_rows: int
) -> None:
    monkeypatch.setattr(norms, "_BLOCK_ROWS", block_rows)
    world = sinking.write(tmp_path / "acts.zarr", 3.0)
    found = Norms(world.path, "a@1", 3.0)
    stored = found.array[:][world.mask]
    assert found.n == len(stored)
    assert found.median == np.quantile(stored, 0.5, method="inverted_cdf")
    kept = np.sort(stored[stored <= np.float64(found.threshold)])
    sinks = found.sinks()
    assert sinks.count == len(stored) - len(kept) > 0
    expected = {s: float(np.quantile(kept, s, method="inverted_cdf")) for s in SHARES}
    assert found.quantiles(sinks.count) == expected


def test_without_a_multiple_there_are_no_sinks(tmp_path: Path) -> None:
    world = sinking.write(tmp_path / "acts.zarr", 0.0)
    found = Norms(world.path, "a@1", 0.0).sinks()
    assert (found.threshold, found.count) == (None, 0)
    assert found.median_norm > 0


def test_no_rows_that_the_mask_keeps(tmp_path: Path) -> None:
    world = sinking.write(tmp_path / "acts.zarr", 3.0)
    put_integers(world.path, "rows/mask", np.zeros(600, dtype=bool))
    found = Norms(world.path, "a@1", 3.0)
    assert (found.n, found.median, found.sinks().count) == (0, 0.0, 0)
    assert set(found.quantiles(0).values()) == {0.0}


def test_norms_that_are_not_finite_are_damage_unless_masked(tmp_path: Path) -> None:
    world = sinking.write(tmp_path / "acts.zarr", 3.0)
    array = open_group(world.path, "r+")["norms/a@1"]
    array[int(np.flatnonzero(~world.mask)[0])] = np.nan
    assert Norms(world.path, "a@1", 3.0).median > 0
    array[int(np.flatnonzero(world.mask)[0])] = np.nan
    with pytest.raises(DamageError, match="norms/a@1 holds values that are not finite"):
        _ = Norms(world.path, "a@1", 3.0).median
