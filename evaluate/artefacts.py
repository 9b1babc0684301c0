"""Writing what an evaluation leaves: every file whole or not at all, equal inputs equal bytes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from xc.store_schema import RunLayout, atomic_path, atomic_write, canonical_json


def provenance_path(run: RunLayout) -> Path:
    """File that tells what the evaluation was made from."""
    return run.evaluation / "provenance.json"


def write_summary(run: RunLayout, summary: Mapping[str, Any]) -> None:
    """Write summary.json, keys in the order given.

    Raises:
        ValueError: if a number is not finite.
    """
    text = json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)
    atomic_write(run.summary, text + "\n")


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file."""
    with atomic_path(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def write_inputs(run: RunLayout, config: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
    """Write the resolved configuration and what the evaluation was made from."""
    atomic_write(run.evaluation_config, yaml.safe_dump(dict(config), sort_keys=False))
    atomic_write(provenance_path(run), canonical_json(provenance))


def replace(
    run: RunLayout,
    tables: Mapping[Path, pa.Table],
    summary: Mapping[str, Any],
    *,
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    """Put a whole evaluation in the place of another.

    What says that one is done goes first and comes last, so that no mixture of two passes for one.
    """
    _forget(run)
    for path, table in tables.items():
        write_table(path, table)
    write_summary(run, summary)
    write_inputs(run, config, provenance)


def metrics_before(run: RunLayout) -> tuple[str, ...] | None:
    """What the evaluation that is there was asked to measure, () for all; None if there is none."""
    settings = _read(run.evaluation_config) if provenance_path(run).is_file() else None
    asked = settings.get("metrics") if isinstance(settings, dict) else None
    return tuple(map(str, asked)) if isinstance(asked, list | tuple) else None


def _forget(run: RunLayout) -> None:
    for path in (run.report, provenance_path(run)):
        path.unlink(missing_ok=True)


def is_done(run: RunLayout, config: Mapping[str, Any], provenance: Mapping[str, Any]) -> bool:
    """Whether the same inputs and settings were evaluated to the end."""
    wanted = [run.summary, run.latents_parquet, run.examples, run.twins, run.nu_curves]
    wanted += [run.report] if config["report"] else []
    if not all(path.is_file() for path in (*wanted, provenance_path(run), run.evaluation_config)):
        return False
    told = provenance_path(run).read_bytes()
    same = told == canonical_json(provenance).encode() and _same(
        _read(run.evaluation_config), config
    )
    return same and all(map(_is_whole, wanted))


def _is_whole(path: Path) -> bool:
    """Whether a file can be opened: JSON as a whole, Parquet by its footer."""
    try:
        if path.suffix == ".json":
            return isinstance(json.loads(path.read_bytes()), dict)
        if path.suffix == ".parquet":
            pq.read_metadata(path)
    except (ValueError, pa.ArrowException, OSError):
        return False
    return path.stat().st_size > 0


def _read(path: Path) -> Any:
    """What a YAML file holds; None if it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _same(old: Any, new: Mapping[str, Any]) -> bool:
    if not isinstance(old, dict):
        return False
    aside = dict.fromkeys(("scheduler", "keep_passes"))  # what they say shows in no result
    return {**old, **aside} == {**new, **aside}
