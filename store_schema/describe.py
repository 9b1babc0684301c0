"""What an artefact holds, as plain JSON values: for `xc inspect` and for other people's scripts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema import checkpoint_io, latent_part
from xc.store_schema.activation_store import ActivationStore
from xc.store_schema.checkpoint import Checkpoint
from xc.store_schema.codecs import codec_of
from xc.store_schema.errors import SchemaError, XcError
from xc.store_schema.kinds import CHECKPOINT, LATENT_TABLE, RUN, RUNS, STORE, kind_of, runs_in
from xc.store_schema.latent_table import LatentTable
from xc.store_schema.places import Place, place, read_bytes, sizes
from xc.store_schema.plan import ROLES
from xc.store_schema.run_layout import RunLayout
from xc.store_schema.source import Source

_SAID = (
    "corpus",
    "tokenizer",
    "filter",
    "config",
    "versions",
    "segments",
    "sink_multiple",
    "comparisons",
    "provenance",
)
"""Attributes of a store that are passed on as they are; old stores lack the last."""

_WARNING = "warning/"
"""Keys of a training curve under which a warning stands, once."""


def describe(path: str | Place) -> dict[str, Any]:
    """Describe a store (complete or not), a run, a checkpoint, a latent table, or a folder of runs.

    Returns:
        `kind`, and what an artefact of this kind says of itself; JSON values only.

    Raises:
        RequestError: if the path holds none of these, or one that cannot be read.
        DamageError: if a file of it is damaged.
    """
    path = place(path)
    return _DESCRIBERS[kind_of(path)](path)


def _describe_store(path: Place) -> dict[str, Any]:
    store = ActivationStore.open(path, allow_incomplete=True)
    about = store.attributes
    return {
        "kind": STORE,
        "schema_version": about["schema_version"],
        "complete": store.complete,
        "n_rows": store.n_rows,
        "n_sequences": about["n_sequences"],
        "rows": {name: _length(ranges) for name, ranges in store.splits.items()},
        "sources": [_describe_source(store, source) for source in store.sources],
        "tuples": [list(t) for t in store.tuples],
        "shard_rows": store.shard_rows,
        "chunk_rows": store.chunk_rows,
        "n_shards": store.n_shards,
        "bytes": _size(path),
        "fingerprint": store.fingerprint,
        "roles": _roles(store),
        **{n: _plain(about[n]) for n in _SAID if n in about},
    }


def _roles(store: ActivationStore) -> dict[str, int]:
    """Rows of each role; those that cannot be read count for none."""
    counts = np.zeros(len(ROLES), dtype=np.int64)
    try:
        for start, stop in store.blocks():
            found = np.asarray(store.rows.role[start:stop])
            counts += np.bincount(found, minlength=len(ROLES))[: len(ROLES)]
    except XcError:  # `xc verify` says more of a damaged column
        return {}
    return {name: int(n) for name, n in zip(ROLES, counts, strict=True)}


def _codec(store: ActivationStore, key: str) -> str | None:
    metadata = json.loads(read_bytes(store.path / "activations" / key / "zarr.json"))
    try:
        return codec_of(metadata).name
    except SchemaError:
        return None


def _describe_source(store: ActivationStore, source: Source) -> dict[str, Any]:
    missing = store.missing_shards(source.key)
    return {
        **source.to_dict(),
        "stored_as": store.activations(source.key).raw.dtype.name,
        "codec": _codec(store, source.key),
        "shards_on_disk": store.n_shards - len(missing),
        "shards_missing": len(missing),
        "bytes": _size(store.path / "activations" / source.key),
        "statistics": _plain(store.attributes["statistics"].get(source.key)),
    }


def _describe_run(path: Path) -> dict[str, Any]:
    run = RunLayout(path)
    curve = _lines(run.metrics)
    return {
        "kind": RUN,
        "bytes": _size(path),
        "files": sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()),
        "checkpoint": _describe_checkpoint(run.checkpoint) if run.checkpoint.is_dir() else None,
        "latents": _describe_table(run.latents) if run.latents.is_dir() else None,
        "training": _last(curve),
        "warnings": [v for line in curve for k, v in line.items() if k.startswith(_WARNING)],
        "stream": _json_of(run.stream, "xc train"),
        "summary": _json_of(run.summary, "xc evaluate"),
    }


def _describe_runs(path: Path) -> dict[str, Any]:
    """Each run by the name of its folder: where its training curve ends, and the rows it saw.

    `damaged` tells why a checkpoint cannot be read; its weights are not looked at.
    """
    runs = [RunLayout(run) for run in runs_in(path)]
    return {
        "kind": RUNS,
        "bytes": _size(path),
        "runs": {
            run.root.relative_to(path).as_posix(): {
                "finished": run.checkpoint.is_dir(),
                "damaged": checkpoint_io.damage(run.checkpoint),
                "evaluated": run.summary.is_file(),
                "training": _last(_lines(run.metrics)),
                "stream": _json_of(run.stream, "xc train"),
            }
            for run in runs
        },
    }


def _describe_checkpoint(path: Path) -> dict[str, Any]:
    checkpoint = Checkpoint.load(path)
    tensors = checkpoint.tensors()
    return {
        "kind": CHECKPOINT,
        "schema_version": checkpoint_io.version_of(checkpoint.config()),
        **_plain(checkpoint.config()),
        "threshold": _threshold(checkpoint),
        "tensors": {name: list(t.shape) for name, t in tensors.items()},
        "parameters": sum(t.size for n, t in tensors.items() if not n.startswith(("mean", "thr"))),
        "bytes": _size(path),
        "fingerprint": checkpoint.fingerprint,
    }


def _threshold(checkpoint: Checkpoint) -> Any:
    """θ; its quartiles where there is one per latent."""
    theta = checkpoint.threshold
    if not isinstance(theta, np.ndarray):
        return theta
    if checkpoint.gates is not None:
        return theta.tolist()
    quartiles = np.quantile(theta, [0, 0.25, 0.5, 0.75, 1]).tolist()
    return dict(zip(("min", "q25", "median", "q75", "max"), quartiles, strict=True))


def _describe_table(path: Path) -> dict[str, Any]:
    table = LatentTable.open(path)
    n_rows, size = _length(table.ranges), _size(path)
    return {
        "kind": LATENT_TABLE,
        "schema_version": latent_part.VERSION,
        "d_sae": table.d_sae,
        "checkpoint_fingerprint": table.checkpoint_fingerprint,
        "store_fingerprint": table.about["store"],
        "n_parts": len(table.parts),
        "ranges": [list(r) for r in table.ranges],
        "n_rows": n_rows,
        "n_entries": table.n_entries,
        "l0": table.n_entries / n_rows,
        "bytes": size,
        "bytes_per_entry": size / table.n_entries if table.n_entries else None,
    }


_DESCRIBERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    STORE: _describe_store,
    RUN: _describe_run,
    RUNS: _describe_runs,
    CHECKPOINT: _describe_checkpoint,
    LATENT_TABLE: _describe_table,
}


def _length(ranges: tuple[tuple[int, int], ...]) -> int:
    return sum(stop - start for start, stop in ranges)


def _size(path: Place) -> int:
    return sum(sizes(path).values())


def _json_of(path: Path, command: str) -> Any:
    if not path.is_file():
        return None
    try:
        return _plain(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise XcError(f"{path}: not readable JSON ({error}); run `{command}` again") from error


def _lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line; the last may be cut off in a run underway."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            value = _plain(json.loads(line))
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _last(lines: list[dict[str, Any]]) -> dict[str, Any] | None:
    return lines[-1] if lines else None


def _plain(value: Any) -> Any:
    """JSON values without NaN or infinities, which become null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
