"""A run on one screen: of what, what was asked for, how far it is, and what it came to."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml

from xc.store_schema import RowFilter, RunLayout
from xc.store_schema.byte_sizes import size_text

WIDTH = 80
_INDENT = 11
_HASH = 12

_ASKED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("preset", ()),
    ("sparsity", ()),
    ("code_norm", ("batch_topk", "topk", "l1", "jumprelu")),
    ("k", ("batch_topk", "topk")),
    ("k_start", ("batch_topk", "topk")),
    ("l1_coeff", ("l1", "jumprelu")),
    ("reconstruction", ()),
    ("matryoshka", ()),
    ("source_weights", ()),
    ("shared_fraction", ()),
    ("exclusive", ()),
    ("auxk_coeff", ()),
    ("normalisation", ()),
    ("centre", ()),
    ("tokens", ()),
    ("until_fve", ()),
    ("batch_size", ()),
    ("lr", ()),
    ("seed", ()),
    ("shuffle_seed", ()),
)
"""Settings that are shown where they say something, and the sparsities that they belong to."""


def read_config(run: Path) -> dict[str, Any] | None:
    """config.yaml of a run; None if there is none that can be read."""
    try:
        values = yaml.safe_load(RunLayout(run).config.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return values if isinstance(values, dict) else None


def run_lines(run: Path, about: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Lines of 80 characters, from what `describe` says of a run and its config.yaml."""
    found: list[tuple[str, str]] = [("run", str(run)), ("state", _state(about, config))]
    checkpoint = about["checkpoint"]
    if checkpoint is not None:
        found += _crosscoder(checkpoint)
    found += _request(config)
    found += _training(about)
    if about["latents"] is not None:
        table = about["latents"]
        rows, size = f"{table['n_rows']:,} held-out rows", size_text(table["bytes"])
        found.append(("latents", f"{table['n_entries']:,} activations on {rows}, {size}"))
    if about["summary"] is not None:
        found += _evaluation(about["summary"], RunLayout(run))
    return [line for name, text in found for line in _wrapped(name, text)]


def _state(about: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """`finished, evaluated, 53.6 kB`, or how far it is."""
    size = size_text(about["bytes"])
    if about["checkpoint"] is not None:
        return f"finished, {'' if about['summary'] else 'not '}evaluated, {size}"
    step, trained = (about["training"] or {}).get("step", 0), config.get("train") or {}
    tokens, batch = trained.get("tokens"), trained.get("batch_size")
    of = f" of {tokens // batch:,}" if isinstance(tokens, int) and batch else ""
    return f"not finished (step {step:,}{of}), {size}"


def _crosscoder(checkpoint: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, source in enumerate(checkpoint["sources"]):
        yield ("" if number else "sources"), _source(source)
    fn = dict(checkpoint["activation_fn"])
    named = [fn.pop("name"), *(f"{name} {value}" for name, value in fn.items())]
    theta = checkpoint["threshold"]
    if isinstance(theta, Mapping):
        named.append(f"θ {theta['min']:.3g} to {theta['max']:.3g}, median {theta['median']:.3g}")
    elif theta is not None:
        named.append("θ " + ", ".join(f"{t:.4g}" for t in _list(theta)))
    size = f"{checkpoint['parameters']:,} parameters"
    yield "crosscoder", f"{checkpoint['d_sae']:,} latents, {', '.join(named)}; {size}"
    if groups := checkpoint.get("partition"):
        yield "groups", ", ".join(_group(group, checkpoint["sources"]) for group in groups)
    normalisation = checkpoint["normalisation"]
    scales = ", ".join(f"{scale:.4g}" for scale in normalisation["scale"])
    mean = "; means subtracted" if normalisation["mean"] else ""
    folded = "; folded into the weights" if normalisation["folded"] else ""
    yield "scale", f"{scales}{mean}{folded}"


def _source(source: Mapping[str, Any]) -> str:
    """The model and its site; of a source made of others only how it is made."""
    if source["site"] in ("difference", "concatenation"):
        return f"{source['key']}: {source['site']}, {source['d_model']:,} wide"
    revision = str(source["revision"] or "").removeprefix("sha256:")[:_HASH]
    site = source["site"] if source["layer"] < 0 else f"{source['site']}, layer {source['layer']}"
    at = f" @{revision}" if revision else ""
    return f"{source['key']}: {source['model']}{at}, {site}, {source['d_model']:,} wide"


def _group(group: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> str:
    """`51 exclusive to gpt2@6`."""
    keys = " and ".join(sources[i]["key"] for i in group["sources"])
    whose = f" to {keys}" if len(group["sources"]) < len(sources) else ""
    return f"{group['stop'] - group['start']:,} {group['name']}{whose}"


def _request(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was asked for: the settings that say something, the rows, the store."""
    trained, imported = config.get("train"), config.get("import")
    if isinstance(trained, Mapping):
        yield "asked", ", ".join(_settings(trained))
        rows = RowFilter(tuple(_list(trained.get("keep"))), bool(trained.get("drop_sinks", True)))
        yield "rows", rows.words
    if isinstance(imported, Mapping):
        commit = f" @{imported['commit'][:_HASH]}" if imported.get("commit") else ""
        yield "imported", f"{imported.get('reference')}{commit}, format {imported.get('format')}"
    if config.get("store"):
        yield "store", str(config["store"])
    for ran in _list(config.get("ran_with")):
        if isinstance(ran, Mapping):
            yield "ran with", _ran_with(ran)


def _ran_with(ran: Mapping[str, Any]) -> str:
    """`cpu, AVX512, threads 2, processes 1, torch 2.13.0`: what the seed's bytes depend on."""
    bare = ("device", "instructions")
    return ", ".join(str(v) if name in bare else f"{name} {v}" for name, v in ran.items())


def _settings(trained: Mapping[str, Any]) -> Iterator[str]:
    for name, sparsities in _ASKED:
        value = trained.get(name)
        if sparsities and trained.get("sparsity") not in sparsities:
            continue
        if value not in (None, False, [], 0) or (value == 0 and name == "seed"):
            yield f"{name} {_number(value)}"


def _training(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    last = about["training"] or {}
    if last:
        yield "trained", f"{last.get('step', 0):,} steps, {last.get('tokens', 0):,} tokens"
    for head in ("train", "val"):
        figures = [
            f"{name.removeprefix(head + '/')} {_number(value)}"
            for name, value in last.items()
            if name.startswith(f"{head}/") and value is not None
        ]
        if figures:
            yield head, ", ".join(figures)
    if stream := about["stream"]:
        seen = f"{stream['unique_rows']:,} unique rows of {stream['rows']:,}"
        yield "stream", f"{seen}, {stream['epochs']:.1f} epochs, {_mixing(stream)}"
    for warning in about["warnings"]:
        yield "warning", str(warning)


def _mixing(stream: Mapping[str, Any]) -> str:
    figure, n, reads = stream["mixing"], stream["windows"], stream["reads"]
    mixed = "mixing not known" if figure is None else f"mixing {figure:.3f} (1: a global shuffle)"
    windows = f"{n:,} window{'' if n == 1 else 's'}"
    return ", ".join([mixed, windows, *([f"rows read {reads:,} times"] if reads > 1 else [])])


def _evaluation(summary: Mapping[str, Any], run: RunLayout) -> Iterator[tuple[str, str]]:
    from xc.cli.sweep_table import columns_of  # noqa: PLC0415  (only what was evaluated needs it)

    figures = [f"{head} {summary[key]:{form}}" for key, head, form in columns_of([summary])]
    yield "evaluated", ", ".join(figures)
    if run.report.is_file():
        yield "report", str(run.report)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _number(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _wrapped(name: str, text: str) -> list[str]:
    """Lines without what steers a terminal, since a run may be anybody's; paths stay whole."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    lines = wrap(clean, WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False)
    heads = [name] + [""] * (len(lines) - 1)
    return [f"{head:<{_INDENT}}{line}" for head, line in zip(heads, lines, strict=False)]
