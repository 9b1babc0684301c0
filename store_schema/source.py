"""One model at one site, and the name under which its activations are stored."""

from dataclasses import asdict, dataclass
from typing import Any

from xc.store_schema.errors import SchemaError

_FIELDS = (
    "key",
    "model",
    "revision",
    "layer",
    "site",
    "module",
    "d_model",
    "dtype",
    "model_config_hash",
)


@dataclass(frozen=True)
class Source:
    """One model at one site, as harvested."""

    key: str
    """Address, `gpt2@6`: model name, `@`, layer; also the array's name."""
    model: str
    """Reference as given; of a local folder the last component only."""
    revision: str | None
    """Commit of the model on its hub, if it has one."""
    layer: int
    """Blocks behind the site: 0 is the embedding output."""
    site: str
    """What is read there: `residual`."""
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
            SchemaError: if a field is missing.
        """
        missing = [name for name in _FIELDS if name not in values]
        if missing:
            raise SchemaError(f"a source lacks {', '.join(missing)}; found {sorted(values)}")
        return cls(**{name: values[name] for name in _FIELDS})


def source_key(model_name: str, layer: int) -> str:
    """`gpt2@6`; a slash in the model's name becomes `--`, so that the key is one path component."""
    return f"{model_name.replace('/', '--')}@{layer}"
