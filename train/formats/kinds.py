"""What a format of other people's crosscoders has to say of itself, and what reading one gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema import Checkpoint, SchemaError

Config = Mapping[str, Any]
"""A JSON object beside the weights."""


def text_of(value: Any) -> str | None:
    """A value of a configuration that should be text; None if it is none."""
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Origin:
    """What a file says of one of its sources."""

    model: str | None = None
    """Model, in the spelling of the file."""
    site: str | None = None
    """Where activations were read, in any spelling of `names.layer_of`."""
    lens: bool = False
    """Whether the activations came from TransformerLens, which centres the residual stream of
    models with LayerNorm."""
    lens_centres: bool | None = None
    """Whether TransformerLens was told to; None: as it does by itself."""
    centred: bool | None = None
    """Whether rows were centred, where the file says so itself."""


@dataclass(frozen=True)
class Parts:
    """The files of one crosscoder, opened."""

    where: str
    """The weights, for messages."""
    name: str
    """The reference that was asked for, a path or an id on the Hub."""
    tensors: Mapping[str, np.ndarray]
    """Every tensor by name; floating-point ones as float32."""
    configs: Mapping[str, Config]
    """JSON objects beside the weights, by file name."""
    repository: str | None = None
    """Repository on the Hub that they are from; None: a local folder."""

    def config(self, *names: str) -> Config:
        """The first of these configurations that there is, else an empty one."""
        return next((self.configs[n] for n in names if n in self.configs), {})

    def whole(self, name: str, value: Any) -> int:
        """A whole number from 1 on that a configuration holds.

        Raises:
            SchemaError: if it is none.
        """
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 1 <= value < 1e9 or round(value) != value:
            raise SchemaError(
                f"{self.where}: its configuration should say {name}, a whole number from 1 on; "
                f"found {value!r:.60}"
            )
        return int(value)

    def k(self, config: Config) -> int:
        """Latents per row, a tensor or a value of a configuration.

        Raises:
            SchemaError: if it is neither.
        """
        return self.whole("k", self.take("k").item() if "k" in self.tensors else config.get("k"))

    def take(self, name: str, *shape: int | None, finite: bool = True) -> np.ndarray:
        """A tensor of a given shape, None where any length is right.

        Raises:
            SchemaError: if it is missing, of another shape, or holds NaN or infinity.
        """
        if name not in self.tensors:
            found = ", ".join(sorted(self.tensors))
            raise SchemaError(f"{self.where}: lacks the tensor {name}; found {found:.300}")
        tensor = self.tensors[name]
        fits = tensor.ndim == len(shape) and all(
            want in (None, have) for want, have in zip(shape, tensor.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            found = ", ".join(map(str, tensor.shape))
            raise SchemaError(f"{self.where}: {name} should have shape [{wanted}], has [{found}]")
        if finite and tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise SchemaError(f"{self.where}: {name} holds NaN or infinite values")
        return tensor


@dataclass(frozen=True)
class Draft:
    """A crosscoder as its file has it, before models, scales and centring are settled."""

    W_enc: Sequence[np.ndarray]
    """Per source [d_model, d_sae]."""
    b_enc: np.ndarray
    """[d_sae]."""
    W_dec: Sequence[np.ndarray]
    """Per source [d_sae, d_model]."""
    b_dec: Sequence[np.ndarray]
    """Per source [d_model]."""
    activation_fn: dict[str, Any]
    """As a checkpoint names it."""
    origins: Sequence[Origin]
    """Per source."""
    threshold: Any = None
    """θ, as the activation function needs it."""
    scale: tuple[float, ...] | None = None
    """Factor per source of the raw activations; None: the file does not tell."""
    scale_note: str | None = None
    """Where the factors are from, if from elsewhere than the file."""
    mean: Sequence[np.ndarray] | None = None
    """Per source [d_model], subtracted before scaling."""
    folded: bool = False
    """Whether the weights act on raw activations, scale and mean being in them."""
    notes: tuple[str, ...] = ()
    """What people should know of the reading."""


Measure = Callable[[Sequence[str], Sequence[bool]], tuple[float, ...]]
"""(keys of sources, whether each one's rows are centred) -> factor per source."""


@dataclass(frozen=True)
class Wishes:
    """What the file cannot know, or should not decide."""

    sources: tuple[str, ...] = ()
    """Keys of the sources in a store, A first: `gpt2@6`."""
    models: tuple[str, ...] = ()
    """Model references, A first; layers are then the file's."""
    scale: tuple[float, ...] = ()
    """Factor per source."""
    measure: Measure | None = None
    """What finds the factors where they are to be measured."""
    centre_rows: bool | None = None
    """Whether each activation's own mean is subtracted; None: as the format tells."""


@dataclass(frozen=True)
class Imported:
    """A crosscoder in our terms, and what is to be said of how it came there."""

    checkpoint: Checkpoint
    """Everything that encode and decode need."""
    format: str
    """Name of the format that was read."""
    notes: tuple[str, ...] = ()
    """Warnings, one line each."""
    origin: dict[str, Any] = field(default_factory=dict)
    """Reference, file and commit, for the run's configuration."""


@dataclass(frozen=True)
class Format:
    """One layout: how its files are called, what they hold, how to read and to write it."""

    name: str
    """What `--format` takes."""
    words: str
    """One phrase, for messages and help."""
    find: Callable[[Sequence[str]], tuple[str, ...]]
    """Names of files in a folder -> those that may be weights of this layout, the best of each
    folder."""
    beside: Callable[[str], tuple[str, ...]]
    """Name of the weights -> names of JSON files that may lie beside them."""
    fits: Callable[[Mapping[str, np.ndarray]], bool]
    """Whether tensors of these names belong to this layout."""
    read: Callable[[Parts], Draft]
    """The files -> a draft."""
    write: Callable[[Checkpoint, Path], None] | None = None
    """Write a checkpoint in this layout into an empty folder; None: it is only read."""
