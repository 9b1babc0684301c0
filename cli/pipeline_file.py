"""`pipeline.yaml`: one file for all stages; flags win over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from xc.cli.spelling import spelt_british
from xc.store_schema import RequestError
from xc.store_schema.places import Place, place
from xc.store_schema.settings import refuse_unknown

DEFAULT_NAME = "pipeline.yaml"
SECTIONS = ("harvest", "train", "evaluate", "null")
TOP_LEVEL = ("store", "run", "sweep", *SECTIONS)


@dataclass(frozen=True)
class Pipeline:
    """What the file says; empty where there is none."""

    path: Path | None = None
    """The file that was read."""
    store: Place = Path("acts.zarr")
    """The activation store of all stages, a folder or a URL."""
    run: Path = Path("runs/default")
    """The run that is trained and evaluated."""
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Values of each stage, by stage and field."""
    sweep: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `train` to a list of values each: all combinations are trained."""

    def section(self, stage: str, flags: Mapping[str, Any]) -> dict[str, Any]:
        """Values of one stage: the file's, overridden by the flags that were given."""
        given = {name: value for name, value in flags.items() if value is not None}
        return {**self.sections.get(stage, {}), **given}

    def where(self, stage: str) -> str:
        """The place of a stage's values, for messages."""
        return f"{self.path}, {stage}" if self.path else stage


def load_pipeline(path: Path | None) -> Pipeline:
    """Read the file named, or the one in the current folder, if any.

    Raises:
        RequestError: if the named file is missing, is no mapping, or has a key nobody reads.
    """
    if path is None:
        path = Path(DEFAULT_NAME)
        if not path.is_file():
            return Pipeline()
    values = _read_mapping(path)
    refuse_unknown(values, TOP_LEVEL, where=str(path))
    sections = {}
    for stage in SECTIONS:
        sections[stage] = _mapping_at(path, stage, values.get(stage))
    return Pipeline(
        path=path,
        store=_place_at(path, "store", values.get("store", Pipeline.store)),
        run=Path(str(_place_at(path, "run", values.get("run", Pipeline.run)))),
        sections=sections,
        sweep=_sweep(path, values.get("sweep"), sections["train"].pop("sweep", None)),
    )


def _place_at(path: Path, name: str, value: Any) -> Place:
    try:
        return place(value)
    except RequestError as error:
        raise RequestError(f"{path}: {name}: {error}") from error


def _mapping_at(path: Path, name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value or {}, dict):
        raise RequestError(f"{path}: '{name}' should be a mapping; found {value!r}")
    named = {str(k).replace("-", "_"): v for k, v in (value or {}).items()}
    return spelt_british(named, where=f"{path}, {name}")


def _sweep(path: Path, beside: Any, within: Any) -> dict[str, Any]:
    """The block `sweep`, which may stand beside `train` or in it."""
    if beside and within:
        raise RequestError(f"{path}: 'sweep' stands beside 'train' and in it; leave one out")
    return _mapping_at(path, "sweep", beside or within)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RequestError(
            f"{path}: no such file; give --config the path of a YAML file"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise RequestError(f"{path}: not readable as YAML ({reason})") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise RequestError(f"{path}: expected a mapping, found {type(values).__name__}")
    # YAML reads an unquoted `null:` as a key that is nothing.
    return {"null" if key is None else key: value for key, value in values.items()}
