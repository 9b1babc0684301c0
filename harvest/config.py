"""What a harvest is asked to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xc.harvest.dataset_reference import reference_text
from xc.store_schema import RequestError, suggestion
from xc.store_schema.codecs import codec
from xc.store_schema.places import Place, place
from xc.store_schema.settings import NESTED

DEFAULT_TOKENS = 1_000_000
DEFAULT_SEQ_LEN = 256
DEFAULT_BATCH = 16
"""Sequences run at once on a CPU."""
DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class HarvestConfig:
    """Settings of a harvest. The models themselves are given beside it."""

    layers: tuple[str, ...] = field(metadata={NESTED: True})
    """Tuples of sites, one entry per model each: "6,3" is layer 6 of the first model and layer 3 of
    the second. Several tuples share one pass. Layer L is the residual stream after L blocks;
    blocks.L.hook_resid_pre, hidden_states[L] and module paths are understood too. L.attn_out and
    L.mlp_out are what block L's attention and MLP add to it."""
    store: Place = Path("acts.zarr")
    """Folder of the store, or a URL (s3://…)."""
    dataset: tuple[str, ...] = field(default=("zoo:stdlib",), metadata={NESTED: True})
    """Text: a .txt, .jsonl or .parquet file (.gz too), a folder of these, a Hub data set
    (OWNER/NAME@REVISION?config=…&split=…&column=…), zoo:NAME, or a published mixture, mix:kissane
    or mix:minder. Given several times, with a weight each, a mixture: --dataset web.jsonl:0.5
    --dataset chat.jsonl:0.5."""
    chat_template: str = "plain"
    """How chat messages become text: plain (User: …, Assistant: …), model (the tokenizer's own
    template), or a file with a Jinja template."""
    tokens: int | None = None
    """Rows to harvest, that is kept tokens; fewer if the text ends before. Default: as many as
    the store was made for, 1,000,000 for a new one."""
    seq_len: int | None = None
    """Longest sequence in tokens, beginning-of-sequence token included; default 256, or what the
    models can take if that is less."""
    exclude: tuple[str, ...] = ()
    """What never becomes a row, beside special tokens: a role (user, assistant, template, neither),
    a token id, or first:N for the first N positions. Roles can be told apart at reading too
    (xc train --keep), so that one store serves all."""
    batch_size: int | None = None
    """Sequences of seq_len run at once; of shorter ones as many as make the same number of
    tokens. Default: 16 on a CPU, on a GPU what its memory holds; halved when memory runs out."""
    dtype: str = "auto"
    """Type in which the models run: float32, bfloat16, float16, or auto (float32 on a CPU, the
    model's own type on a GPU)."""
    codec: str = "bf16"
    """How activations are stored: bf16, fp16, fp32 or fp8, each also with -zstd or -bitshuffle."""
    device: str = "auto"
    """Where the models run: cpu, cuda, cuda:1, …; auto takes a GPU if there is one."""
    device_map: str | None = None
    """How a model is spread over several devices: auto (needs accelerate); default: one device."""
    quantize: str | None = None
    """Load weights in fewer bits: 8bit or 4bit (needs bitsandbytes)."""
    attn_implementation: str | None = None
    """Attention kernel of Transformers: eager, sdpa, flash_attention_2; default: its choice."""
    compile: bool = False
    """Compile the blocks with torch.compile before running."""
    trust_remote_code: bool = False
    """Run model code that comes with the weights. Off unless asked: it is a stranger's program."""
    sink_multiple: float = 10.0
    """Rows whose norm is above this multiple of the source's median are attention sinks: flagged,
    counted, left out of statistics and by default of training. 0 flags none."""
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
    worker: str | None = None
    """I/N: this process writes the I-th of N parts of the shards; the last to finish seals the
    store. Under torchrun taken from its environment."""
    workers: int = 1
    """Processes that harvest side by side on this machine, on a GPU each where there are."""
    repair: bool = True
    """Read the shards of a finished store and write damaged ones again; --no-repair looks at sizes
    alone."""
    max_disk: str | None = None
    """Most bytes that the store may take (500GB); more is refused before anything runs."""
    force: bool = False
    """Start although the plan says that disk or memory will not do."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", as_tuples(self.layers))
        object.__setattr__(self, "store", place(self.store))
        object.__setattr__(self, "dataset", as_references(self.dataset))
        object.__setattr__(self, "exclude", tuple(str(e) for e in self.exclude))
        for name in ("workers", "shard_rows", "chunk_rows"):
            _at_least(name, getattr(self, name), 1)
        for name, least in (("tokens", 1), ("seq_len", 2), ("batch_size", 1)):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), least)
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


def as_references(datasets: Any) -> tuple[str, ...]:
    """Data set references, from the shapes that a YAML file may give them.

    Raises:
        RequestError: if there are none.
    """
    listed = [datasets] if isinstance(datasets, str | Mapping) else datasets
    references = tuple(reference_text(entry) for entry in listed)
    if not references or not all(references):
        raise RequestError("no data set given; for instance --dataset zoo:stdlib")
    return references


def _as_text(entry: Any) -> str:
    if isinstance(entry, Mapping):
        raise RequestError(f"layers: expected text, or a list with one per model, found {entry}")
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
