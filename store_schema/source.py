"""One model at one site, and the name under which its activations are stored."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from xc.store_schema.errors import RequestError, SchemaError

BETWEEN_KEYS = "|"
"""Stands between the keys of a pair of sources: `A|B`."""

_KINDS: dict[str, tuple[type, ...]] = {
    "key": (str,),
    "model": (str,),
    "revision": (str, type(None)),
    "layer": (int,),
    "site": (str,),
    "module": (str,),
    "d_model": (int,),
    "dtype": (str,),
    "model_config_hash": (str,),
}


@dataclass(frozen=True)
class Source:
    """One model at one site, as harvested."""

    key: str
    """Address, `gpt2@6`: model name, `@`, layer or other site; also the array's name."""
    model: str
    """Reference as given; of a local folder the last component only."""
    revision: str | None
    """Commit of the model on its hub, if it has one."""
    layer: int
    """Residual stream: blocks behind it, 0 is the embedding output. Other sites: number of the
    block that they lie in, -1 if in none."""
    site: str
    """What is read there: `residual`, `attn_out`, `mlp_out`, or `module`, another's output."""
    module: str
    """The module that was hooked, `input of transformer.h.6`."""
    d_model: int
    """Width of one activation."""
    dtype: str
    """Type in which the model ran."""
    model_config_hash: str
    """sha256 of the model's configuration."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the store's attributes."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Source":
        """Read back what `to_dict` wrote.

        Raises:
            SchemaError: if a field is missing or of another type, or the key is no file name.
        """
        checked = _checked(values, list(_KINDS))
        check_key(checked["key"])
        return cls(**checked)


@dataclass(frozen=True)
class CheckpointSource:
    """What a crosscoder's i-th encoder and decoder belong to."""

    key: str
    """Address in the store, `gpt2@6`."""
    model: str
    """Model reference."""
    revision: str | None
    """Commit of the model."""
    layer: int
    """Blocks behind the site."""
    site: str
    """What is read there."""
    d_model: int
    """Width."""

    @classmethod
    def from_dict(cls, values: object) -> "CheckpointSource":
        """Read an entry of `sources` in a checkpoint's `config.json`; further keys are ignored.

        Raises:
            SchemaError: if a field is missing or of another type.
        """
        if isinstance(values, dict) and {"model", "layer"} <= values.keys():
            values = {"key": source_key(str(values["model"]), values["layer"]), **values}
        return cls(**_checked(values, [f.name for f in fields(cls)]))


def _checked(values: object, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise SchemaError(f"expected a source as an object, found {values!r:.80}")
    missing = [name for name in names if name not in values]
    if missing:
        raise SchemaError(f"a source lacks {', '.join(missing)}; found {', '.join(values)}")
    for name in names:
        if not isinstance(values[name], _KINDS[name]) or isinstance(values[name], bool):
            raise SchemaError(f"a source's {name} cannot be {values[name]!r:.80}")
    return {name: values[name] for name in names}


def check_key(key: str) -> None:
    """Refuse a key that would name a file outside its folder.

    Raises:
        SchemaError: if it is no single path component.
    """
    if key in ("", ".", "..") or any(c in key for c in "/\\\0"):
        raise SchemaError(f"source key {key!r:.80} is not the name of a folder")


def check_new_key(key: str) -> None:
    """Refuse a key that a store should not take from now on; older ones may have it.

    Raises:
        SchemaError: if it is no single path component.
        RequestError: if it holds the sign that stands between the keys of a pair.
    """
    check_key(key)
    if BETWEEN_KEYS in key:
        raise RequestError(
            f"source key {key!r:.80} holds '{BETWEEN_KEYS}', which stands between the two keys of "
            "a comparison; rename the model's folder"
        )


def source_key(model_name: str, site: int | str) -> str:
    """`gpt2@6`, `gpt2@5.attn_out`. A key is a path component: a slash in the name becomes `--`, and
    `zoo:base` is `zoo-base`."""
    return f"{model_name.replace('/', '--').replace(':', '-')}@{site}"
