"""What a harvest is asked to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xc.store_schema import RequestError, suggestion
from xc.store_schema.codecs import codec

DEFAULT_SEQ_LEN = 256
DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class HarvestConfig:
    """Settings of a harvest. The models themselves are given beside it."""

    layers: tuple[str, ...]
    """Tuples of sites, one entry per model each: "6,3" is layer 6 of the first model and layer 3 of
    the second. Several tuples share one pass. Layer L is the residual stream after L blocks;
    blocks.L.hook_resid_pre, hidden_states[L] and module paths are understood too."""
    store: Path = Path("acts.zarr")
    """Folder of the store."""
    dataset: str = "zoo:stdlib"
    """Text: a .txt, .jsonl or .parquet file (.gz too), a folder of these, a Hub data set, or
    zoo:NAME."""
    tokens: int = 1_000_000
    """Rows to harvest, that is kept tokens; fewer if the text ends before."""
    seq_len: int | None = None
    """Longest sequence in tokens, beginning-of-sequence token included; default 256, or what the
    models can take if that is less."""
    batch_size: int = 16
    """Sequences of seq_len run at once; of shorter ones as many as make the same number of
    tokens."""
    dtype: str = "auto"
    """Type in which the models run: float32, bfloat16, float16, or auto (float32 on a CPU, the
    model's own type on a GPU)."""
    codec: str = "bf16"
    """How activations are stored: bf16 or fp32."""
    device: str = "auto"
    """Where the models run: cpu, cuda, cuda:1, …; auto takes a GPU if there is one."""
    seed: int = 0
    """Decides which documents are held out."""
    heldout_fraction: float = 0.1
    """Share of the documents that training never sees; from two documents on, at least one."""
    blocks: str | None = None
    """Module path of the decoder blocks, for a model whose family is unknown (model.layers)."""
    text_column: str | None = None
    """Column of a data set that holds the text; default: text, content, messages, … whichever is
    there."""
    shard_rows: int = 65536
    """Rows of a shard, the file that is written at once."""
    chunk_rows: int = 1024
    """Rows of a chunk, the smallest unit of reading."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", as_tuples(self.layers))
        object.__setattr__(self, "store", Path(self.store))
        for name in ("tokens", "batch_size", "shard_rows", "chunk_rows"):
            _at_least(name, getattr(self, name), 1)
        if self.seq_len is not None:
            _at_least("seq_len", self.seq_len, 2)
        if self.dtype not in DTYPES:
            raise RequestError(f"unknown dtype '{self.dtype}'{suggestion(self.dtype, DTYPES)}")
        if not 0 <= self.heldout_fraction < 1:
            raise RequestError(
                f"heldout_fraction must be at least 0 and below 1; got {self.heldout_fraction}"
            )
        if self.shard_rows % self.chunk_rows:
            raise RequestError(
                f"shard_rows must be a multiple of chunk_rows; got {self.shard_rows} and "
                f"{self.chunk_rows}"
            )
        codec(self.codec)


def as_tuples(layers: Any) -> tuple[str, ...]:
    """Site tuples as written on a command line, from the shapes that a YAML file may give them.

    Raises:
        RequestError: if there are none.
    """
    entries = [layers] if isinstance(layers, str | int) else list(layers)
    tuples = tuple(_as_text(entry) for entry in entries)
    if not tuples or not all(tuples):
        raise RequestError("no layer given; expected one per model, for instance --layer 6,3")
    return tuples


def _as_text(entry: Any) -> str:
    if isinstance(entry, Iterable) and not isinstance(entry, str):
        return ",".join(str(site) for site in entry)
    return str(entry)


def _at_least(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise RequestError(f"{name} must be a whole number from {least} on; got {value!r}")


def split_tuple(text: str, *, n_models: int) -> tuple[str, ...]:
    """The sites of one tuple, one per model.

    Raises:
        RequestError: if their number is not that of the models.
    """
    sites = tuple(site.strip() for site in text.split(","))
    if len(sites) != n_models:
        raise RequestError(
            f"--layer {text} names {len(sites)} layer(s) for {n_models} model(s); "
            "expected one per model, separated by commas"
        )
    return sites
