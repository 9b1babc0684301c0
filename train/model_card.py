"""The README.md of a published crosscoder: what it is, of what, on what data, and how good."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from xc.store_schema import Checkpoint, CheckpointSource, RequestError, RunLayout, from_mapping
from xc.store_schema.derived import Derived, parse
from xc.train.config import TrainConfig
from xc.train.idle import idle

NAME = "README.md"
_TAGS = ("crosscoder", "sparse-autoencoder", "model-diffing", "interpretability")

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
"""What can be an id on the Hub; embedded models and differences of two are none."""

_METRICS: tuple[tuple[str, str], ...] = (
    ("fve", "variance explained, pooled"),
    ("fve_{m}", "variance explained, {key}"),
    ("l0", "latents active per token"),
    ("dead_fraction", "fraction of dead latents"),
    ("ce_recovered_{m}", "loss recovered when spliced in, {key}"),
    ("n_shared", "shared latents"),
    ("n_a_only", "latents of the first source alone"),
    ("n_b_only", "latents of the second source alone"),
    ("sharedness", "sharedness (1: equal norms)"),
    ("alignment_adjusted", "alignment of the decoders above chance"),
)
"""Keys of a summary, and their words; those with {m} stand for each source."""

_SETTINGS = (
    "preset",
    "sparsity",
    "code_norm",
    "k",
    "k_start",
    "k_anneal_steps",
    "l1_coeff",
    "l1_warmup",
    "jumprelu_threshold",
    "jumprelu_bandwidth",
    "tanh_scale",
    "reconstruction",
    "source_weights",
    "matryoshka",
    "matryoshka_reduction",
    "shared_fraction",
    "shared_penalty",
    "exclusive",
    "auxk_coeff",
    "auxk_k",
    "normalisation",
    "centre",
    "keep",
    "tokens",
    "until_fve",
    "batch_size",
    "lr",
    "lr_warmup_steps",
    "lr_decay",
    "clip_norm",
    "seed",
    "shuffle_seed",
)
"""Fields of a training configuration that a card tells, where they play a part."""

_UNSET: tuple[Any, ...] = (None, False, [], 0.0)
"""Values that say nothing; a seed may be 0."""


def model_card(checkpoint: Checkpoint, run: RunLayout | None = None) -> str:
    """The page of a checkpoint; with its run, also its data, training and metrics."""
    parts = [
        _front_matter(checkpoint),
        f"# {_title(checkpoint)}\n",
        _about(checkpoint),
        _sources(checkpoint),
        *(_of_run(checkpoint, run) if run is not None else ()),
        _loading(checkpoint),
    ]
    return "\n".join(parts)


def _front_matter(checkpoint: Checkpoint) -> str:
    models = sorted({s.model for s in checkpoint.sources if _HUB_ID.fullmatch(s.model)})
    values: dict[str, Any] = {"library_name": "xcdiff", "tags": list(_TAGS)}
    if models:
        values["base_model"] = models
    return f"---\n{yaml.safe_dump(values, sort_keys=False)}---\n"


def _title(checkpoint: Checkpoint) -> str:
    """A crosscoder of several sources, or a sparse autoencoder of what its one source is."""
    keys = [s.key for s in checkpoint.sources]
    if len(keys) > 1:
        return f"Crosscoder of {_listed(keys)}"
    return f"Sparse autoencoder of {_what(checkpoint.sources[0])}"


def _what(source: CheckpointSource) -> str:
    derived = _derived(source)
    if derived is None:
        return source.key
    if derived.sign == "-":
        return f"the difference of {_listed(derived.keys)}"
    return f"{_listed(derived.keys)} side by side"


def _derived(source: CheckpointSource) -> Derived | None:
    """How a source was made of others; a site tells it from a model of such a name."""
    return parse(source.key) if source.site in ("difference", "concatenation") else None


def _listed(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


def _about(checkpoint: Checkpoint) -> str:
    fn = checkpoint.activation_fn
    parameters = ", ".join(f"{k} {v}" for k, v in fn.items() if k != "name")
    named = f"`{fn['name']}`" + (f" ({parameters})" if parameters else "")
    return (
        f"A sparse dictionary of {checkpoint.d_sae:,} latents over {_over(checkpoint)}. "
        f"Activation function: {named}.\n"
    )


def _over(checkpoint: Checkpoint) -> str:
    if checkpoint.n_sources > 1:
        models = {s.model for s in checkpoint.sources}
        of = "one language model" if len(models) == 1 else "several language models"
        return f"the activations of {of}: one code, and an encoder and a decoder for each source"
    derived = _derived(checkpoint.sources[0])
    if derived is None:
        return "the activations of one language model at one site"
    a, *_, b = derived.keys
    if derived.sign == "-":
        return f"the difference of two activations of the same token, `{a}` minus `{b}`"
    return f"the activations of the same token at {len(derived.keys)} sources, laid side by side"


def _sources(checkpoint: Checkpoint) -> str:
    lines = [
        "| source | model | revision | layer | site | width | scale |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| `{s.key}` | {s.model} | {s.revision or 'not known'} | {_layer(s)} | {s.site} | "
            f"{s.d_model} | {c:.6g} |"
            for s, c in zip(checkpoint.sources, checkpoint.scale, strict=True)
        ),
    ]
    said = ["Layer L of site `residual` is the residual stream after L blocks."]
    if any(map(_derived, checkpoint.sources)):
        said.append("A source `A - B` or `A + B` is made row by row of the two that it names.")
    if checkpoint.partition:
        groups = ", ".join(_group(g, checkpoint) for g in checkpoint.partition)
        said.append(f"Groups of latents, in their order: {groups}.")
    if checkpoint.mean is not None:
        said.append("A mean per dimension is subtracted before the scale is applied.")
    if any(checkpoint.centre_rows):
        keys = [s.key for s, c in zip(checkpoint.sources, checkpoint.centre_rows, strict=True) if c]
        said.append(
            f"Each activation of {', '.join(keys)} loses its own mean first, as in TransformerLens."
        )
    said.append("All of this is done on encoding: give raw activations of Hugging Face models.")
    return "\n".join(["## Sources\n", *lines, "", " ".join(said), ""])


def _layer(source: CheckpointSource) -> str:
    return str(source.layer) if source.layer >= 0 else "–"  # made of several, or in no block


def _group(group: Mapping[str, Any], checkpoint: Checkpoint) -> str:
    """`51 exclusive to gpt2@6`."""
    keys = [checkpoint.sources[i].key for i in group["sources"]]
    whose = f" to {_listed(keys)}" if len(keys) < checkpoint.n_sources else ""
    return f"{group['stop'] - group['start']:,} {group['name']}{whose}"


def _of_run(checkpoint: Checkpoint, run: RunLayout) -> Iterator[str]:
    """Data, training and metrics, as far as the run holds them."""
    config = _read(run.config)
    provenance = _read(run.evaluation / "provenance.json")
    data = list(_data(config, provenance))
    if data:
        yield "\n".join(["## Data and training\n", *(f"- {line}" for line in data), ""])
    lines = list(_metrics(checkpoint, _read(run.summary)))
    if lines:
        head = ["## Metrics\n", "On held-out rows; intervals are 95 % over sequences.\n"]
        table = ["| metric | value | interval |", "|---|---|---|", *lines, ""]
        yield "\n".join([*head, *table])


def _data(config: Mapping[str, Any], provenance: Mapping[str, Any]) -> Iterator[str]:
    if text := provenance.get("text"):
        rows = provenance.get("heldout_rows")
        yield f"text: {text}" + (f"; {rows:,} held-out rows" if isinstance(rows, int) else "")
    if said := provenance.get("filter"):
        yield f"rows: {said}"
    trained = config.get("train")
    if isinstance(trained, dict):
        yield f"training: {', '.join(_settings(trained))}"
    imported = config.get("import")
    if isinstance(imported, dict):
        where = Path(str(imported.get("reference"))).name
        owner = imported.get("reference") if imported.get("commit") else where
        commit = f" at {imported['commit']}" if imported.get("commit") else ""
        yield f"imported from {owner}{commit}, format {imported.get('format')}"


def _settings(trained: Mapping[str, Any]) -> Iterator[str]:
    """What a run was asked for, without what played no part in it."""
    left_out = _idle(trained)
    for name in _SETTINGS:
        value = trained.get(name)
        if name in left_out or (value in _UNSET and "seed" not in name):
            continue
        shown = ",".join(map(str, value)) if isinstance(value, list) else value
        yield f"{name} {shown}"


def _idle(trained: Mapping[str, Any]) -> Mapping[str, Any]:
    """What played no part; nothing is known of that in a configuration of another version."""
    try:
        return idle(from_mapping(TrainConfig, trained, where="train"))
    except RequestError:
        return {}


def _metrics(checkpoint: Checkpoint, summary: Mapping[str, Any]) -> Iterator[str]:
    letters = [chr(ord("a") + i) for i in range(checkpoint.n_sources)]
    for template, words in _METRICS:
        each = zip(letters, checkpoint.sources, strict=True)
        named = [(template, words)]
        if "{m}" in template:
            named = [(template.format(m=m), words.format(key=s.key)) for m, s in each]
        for key, text in named:
            if isinstance(value := summary.get(key), int | float):
                yield f"| {text} (`{key}`) | {_number(value)} | {_interval(summary, key)} |"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _interval(summary: Mapping[str, Any], key: str) -> str:
    bounds = summary.get(f"{key}_ci")
    return f"{_number(bounds[0])} to {_number(bounds[1])}" if isinstance(bounds, list) else ""


def _loading(checkpoint: Checkpoint) -> str:
    xs = ", ".join(f"x_{chr(ord('a') + i)}" for i in range(checkpoint.n_sources))
    return f"""## Loading

`pip install xcdiff`, then

```python
from xc.train import Crosscoder

cc = Crosscoder.from_pretrained("OWNER/NAME")  # this repository, or a folder with its files
f = cc.encode([{xs}])  # raw activations [row, width] in, latents out
reconstructions = cc.decode(f)
```

`crosscoder.safetensors` and `config.json` are all there is; no file is a pickle.
"""


def _read(path: Path) -> Mapping[str, Any]:
    """A mapping in JSON or YAML, or nothing."""
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return values if isinstance(values, dict) else {}
