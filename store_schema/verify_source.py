"""Whether a source's shards are readable, finite, and have the statistics that the store claims."""

import numpy as np

from xc.store_schema.activation_store import ActivationStore
from xc.store_schema.codecs import CODECS
from xc.store_schema.errors import SchemaError
from xc.store_schema.problem import Problem, noting
from xc.store_schema.progress import Progress
from xc.store_schema.source import Source
from xc.store_schema.statistics import Moments, SourceStatistics, finish, merge_all, moments
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.verify_arrays import Promise, open_promised, read_files, strangers

_TOLERANCE = 1e-9
"""Relative; sums in another order differ by 1e-12 or so."""
_ROUNDING = 1e-4
"""A variance far below its squared mean is known to float64's digits of the mean only."""


def check_source(
    store: ActivationStore, source: Source, mask: StoredArray | None, progress: Progress
) -> list[Problem]:
    """Everything wrong with one source; reads every chunk and recomputes every statistic.

    Without a mask that can be read, statistics are left out.
    """
    problems: list[Problem] = []
    root = store.path
    with noting(problems, root, root / "activations" / source.key / "zarr.json"):
        array = _open_activations(store, source)
        with noting(problems, root, root / "statistics" / source.key / "per_shard/zarr.json"):
            per_shard = _open_per_shard(store, source)
            found = _check_shards(array, per_shard, mask, problems, progress)
            problems += [*strangers(array), *strangers(per_shard)]
            if store.complete and len(found) == store.n_shards and not problems:
                problems += _check_merged(store, source, finish(merge_all(found, source.d_model)))
    return problems


def _open_activations(store: ActivationStore, source: Source) -> StoredArray:
    types = tuple(c.dtype.name for c in CODECS)
    promise = Promise(f"activations/{source.key}", (store.n_rows, source.d_model), types)
    array = open_promised(store.path, promise, whole=store.complete)
    if array.file_rows != store.shard_rows:
        raise SchemaError(f"shards of {array.file_rows} rows; expected {store.shard_rows}")
    return array


def _open_per_shard(store: ActivationStore, source: Source) -> StoredArray:
    shape = (store.n_shards, 3 + 2 * source.d_model)
    promise = Promise(f"statistics/{source.key}/per_shard", shape, ("float64",))
    return open_promised(store.path, promise, whole=store.complete)


def _check_shards(
    array: StoredArray,
    per_shard: StoredArray,
    mask: StoredArray | None,
    problems: list[Problem],
    progress: Progress,
) -> list[Moments]:
    found = []
    for index, rows in read_files(array, problems):
        if mask is not None:
            with noting(problems, array.store_path, array.file(index)):
                found.append(_finite_moments(rows, mask, index * array.file_rows))
                with noting(problems, array.store_path, per_shard.file(index)):
                    _compare_shard(found[-1], per_shard.read_file(index)[0])
        progress.advance(1)
    return found


def _finite_moments(rows: np.ndarray, mask: StoredArray, start: int) -> Moments:
    with np.errstate(invalid="ignore"):
        sums = moments(rows, mask[start : start + len(rows)])
    if not np.isfinite(sums.pack()).all():
        raise SchemaError("holds values that are not finite")
    return sums


def _compare_shard(found: Moments, packed: np.ndarray) -> None:
    if not np.isfinite(packed).all():
        raise SchemaError("holds no statistics of its shard")
    if name := _disagreement(finish(found), finish(Moments.unpack(packed))):
        raise SchemaError(f"the {name} is not that of its shard")


def _check_merged(store: ActivationStore, source: Source, found: SourceStatistics) -> list[Problem]:
    problems: list[Problem] = []
    with noting(problems, store.path, store.path / "statistics" / source.key):
        for name in ("mean", "variance"):
            promise = Promise(f"statistics/{source.key}/{name}", (source.d_model,), ("float64",))
            open_promised(store.path, promise)
        if wrong := _disagreement(found, store.statistics(source.key)):
            raise SchemaError(f"the {wrong} is not that of the activations")
    return problems


def _disagreement(found: SourceStatistics, stored: SourceStatistics) -> str | None:
    """Name of the first figure that differs by more than rounding."""
    squares = found.mean**2
    scale = {
        "mean": np.sqrt(squares + found.variance),
        "variance": found.variance + _ROUNDING * squares,
    }
    for name in ("n", "mean_norm", "rms_norm", "mean", "variance"):
        a, b = np.asarray(found.__dict__[name]), np.asarray(stored.__dict__[name])
        if not (np.abs(a - b) <= _TOLERANCE * scale.get(name, np.abs(a))).all():
            return name
    return None
