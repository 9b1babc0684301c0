"""Checkpoints on disk: `crosscoder.safetensors` beside `config.json`; no pickle is ever read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save

from xc.store_schema.atomic import atomic_path, canonical_json
from xc.store_schema.errors import SchemaError
from xc.store_schema.store_layout import check_version

TENSORS = "crosscoder.safetensors"
CONFIG = "config.json"
VERSION = 2
"""What this package reads up to. Version 1 lacks `code_norm`, `partition`, `centre_rows`, `topk`,
`jumprelu`."""

_OLD_FNS = ("relu", "batch_topk")


def version_of(config: dict[str, Any]) -> int:
    """The oldest version that tells a checkpoint whole: older readers must not take it for less."""
    fn = config["activation_fn"]
    plain = fn["name"] in _OLD_FNS and "code_norm" not in fn and "partition" not in config
    return 1 if plain and "centre_rows" not in config["normalisation"] else VERSION


def write_folder(folder: Path, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Write both files aside and rename the folder: a checkpoint that exists is whole.

    Raises:
        XcError: if the disk refuses; what was there before is untouched.
    """
    with atomic_path(folder) as aside:
        aside.mkdir()
        (aside / TENSORS).write_bytes(save(tensors))
        text = canonical_json({"schema_version": version_of(config), **config})
        (aside / CONFIG).write_text(text, encoding="utf-8")


def locate(folder: Path) -> Path:
    """The checkpoint folder itself, given it or the run around it.

    Raises:
        SchemaError: if neither holds the two files.
    """
    for candidate in (folder, folder / "checkpoint"):
        if (candidate / CONFIG).is_file() and (candidate / TENSORS).is_file():
            return candidate
    raise SchemaError(
        f"{folder}: expected {CONFIG} and {TENSORS}, here or in checkpoint/{_remedy(folder)}"
    )


def damage(folder: Path) -> str | None:
    """Why a checkpoint cannot be read, told without reading its weights; None if it can or is not.

    Args:
        folder: of the checkpoint itself.
    """
    if not folder.is_dir():
        return None
    try:
        locate(folder)
        _read_config(folder / CONFIG)
        with safe_open(folder / TENSORS, framework="numpy"):  # the header tells the size
            return None
    except SchemaError as error:
        return str(error)
    except (SafetensorError, OSError, ValueError) as error:
        return _unreadable(folder, error)


def _unreadable(folder: Path, error: Exception) -> str:
    return f"{folder / TENSORS}: not a readable safetensors file ({error}){_remedy(folder)}"


def _remedy(folder: Path) -> str:
    """How the damaged checkpoint of a run comes back; nothing of any other."""
    if folder.name != "checkpoint":
        return ""
    if any(folder.parent.glob("state/step-*")):
        return "; the same `xc train` writes it again, from the state that is saved"
    return "; the same `xc import` writes it again" if _is_import(folder.parent) else ""


def _is_import(run: Path) -> bool:
    try:
        text = (run / "config.yaml").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return any(line.startswith("import:") for line in text.splitlines())


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Configuration and tensors of a checkpoint folder.

    Raises:
        SchemaError: if a file is unreadable, or of a newer version.
    """
    config = _read_config(folder / CONFIG)
    try:
        return config, load_file(folder / TENSORS)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise SchemaError(_unreadable(folder, error)) from error


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (ValueError, OSError, RecursionError) as error:
        raise SchemaError(f"{path}: not readable JSON ({error}){_remedy(path.parent)}") from error
    if not isinstance(config, dict):
        raise SchemaError(f"{path}: expected a JSON object, found {type(config).__name__}")
    check_version(config.get("schema_version"), VERSION, where=path)
    return config


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
