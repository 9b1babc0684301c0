"""A store on one screen: what it holds, of which text and models, and what is known of them."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from xc.store_schema.byte_sizes import size_text

WIDTH = 80
MOST = 5
"""Entries of a list that are shown; `--json` has all."""

_COMMANDS = 3
"""The same, of the commands that made a store: the last ones."""

_HASH = 12
_INDENT = 10
_PACKAGES = ("xcdiff", "torch", "transformers", "tokenizers", "zarr", "numpy", "cuda")


def store_lines(about: Mapping[str, Any]) -> list[str]:
    """At most 40 lines of 80 characters, from what `describe` says of a store."""
    blocks = (_extent, _text, _tokens, _sources, _statistics, _comparisons, _making)
    return [_cut(line) for block in blocks for line in block(about)]


def _extent(about: Mapping[str, Any]) -> Iterator[str]:
    state = "complete" if about["complete"] else "incomplete"
    yield _named(
        "store", f"schema {about['schema_version']}, {state}, {about['fingerprint'][:_HASH]}"
    )
    splits = ", ".join(f"{name} {n:,} ({_share(n, about)})" for name, n in about["rows"].items())
    yield _named("rows", f"{about['n_rows']:,} in {about['n_sequences']:,} sequences; {splits}")
    per_row = about["bytes"] / max(about["n_rows"], 1)
    yield _named(
        "size",
        f"{size_text(about['bytes'])}, {per_row:,.0f} bytes a row; shards of "
        f"{about['shard_rows']:,} rows, chunks of {about['chunk_rows']:,}",
    )
    if len(segments := about.get("segments", [])) > 1:
        grown = " + ".join(f"{segment['rows']:,}" for segment in segments[:MOST])
        yield _with_more(_named("grown", f"{grown} rows"), segments)


def _text(about: Mapping[str, Any]) -> Iterator[str]:
    corpus = about["corpus"]
    parts = corpus.get("parts") or [corpus]
    for number, part in enumerate(parts[:MOST]):
        rows = part.get("rows")
        counted = "" if rows is None else f"{_share(rows, about)}, {rows:,} rows"
        documents = f", {part['documents']:,} documents" if "documents" in part else ""
        revision = f" @{part['revision'][:_HASH]}" if part.get("revision") else ""
        text = f"{part['name']}{revision}  {counted}{documents}  {str(part['fingerprint'])[:_HASH]}"
        line = _named("" if number else "text", text)
        yield _with_more(line, parts) if number == MOST - 1 else line
    roles = {name: n for name, n in about.get("roles", {}).items() if n}
    if roles and list(roles) != ["neither"]:
        shares = ", ".join(f"{name} {_share(n, about)}" for name, n in roles.items())
        yield _named("roles", f"{shares}; template {about['config'].get('chat_template')}")


def _tokens(about: Mapping[str, Any]) -> Iterator[str]:
    tokenizer, left_out = about["tokenizer"], about["filter"]
    yield _named(
        "tokens",
        f"{tokenizer.get('size') or 0:,} ids, tokenizer {str(tokenizer.get('hash'))[:_HASH]}, at "
        f"most {about['config'].get('seq_len')} a sequence",
    )
    yield _named(
        "left out",
        f"{left_out.get('tokens_left_out', 0):,} of {left_out.get('tokens_run', 0):,} tokens run"
        f"{_excluded(left_out)}",
    )


def _excluded(left_out: Mapping[str, Any]) -> str:
    names = left_out.get("exclude") or {}
    return f" ({', '.join(names)} too)" if names else ""


def _sources(about: Mapping[str, Any]) -> Iterator[str]:
    for source in about["sources"][:MOST]:
        commit = (source["revision"] or "").removeprefix("sha256:")[:_HASH]
        config = source["model_config_hash"][:_HASH]
        model = f"{source['model']} @{commit or '?'}"
        yield f"{source['key']}  {model}, config {config}, {source['dtype']}"
        missing = source["shards_missing"]
        lacks = f", lacks {missing} of {about['n_shards']} shards" if missing else ""
        stored = source.get("codec") or source["stored_as"]
        size = size_text(source["bytes"])
        yield f"  {source['d_model']:,} wide, {stored}, {size}{lacks}; {source['module']}"
    if len(about["sources"]) > MOST:
        yield _more(about["sources"])


def _statistics(about: Mapping[str, Any]) -> Iterator[str]:
    known = [(s["key"], s["statistics"]) for s in about["sources"] if s["statistics"]]
    if not known:
        return
    heads = "".join(f"{head:>9}" for head in ("mean", "1 %", "median", "99 %"))
    yield f"{'norms':<18}{heads}{'gamma':>7}{'sinks':>8}  largest"
    for key, found in known[:MOST]:
        quantiles = found.get("norm_quantiles") or {}
        norms = [found["mean_norm"], *(quantiles.get(q) for q in ("0.01", "0.5", "0.99"))]
        largest = ",".join(str(d["dim"]) for d in (found.get("largest_dimensions") or [])[:2])
        yield (
            f"{key[:17]:<18}"
            + "".join(f"{_number(n):>9}" for n in norms)
            + f"{_number(found.get('gamma')):>7}{found.get('sinks') or 0:>8,}  {largest}"
        )
    if len(known) > MOST:
        yield _more(known)


def _comparisons(about: Mapping[str, Any]) -> Iterator[str]:
    pairs = list((about.get("comparisons") or {}).items())
    for number, (pair, found) in enumerate(pairs[:MOST]):
        a, _, b = pair.partition("|")
        line = _named(
            "" if number else "alike",
            f"{a} and {b}: CKA {_number(found.get('cka'))}, SVCCA {_number(found.get('svcca'))} "
            f"({found.get('rows', 0):,} rows)",
        )
        yield _with_more(line, pairs) if number == MOST - 1 else line


def _making(about: Mapping[str, Any]) -> Iterator[str]:
    made = about.get("provenance") or {}
    commands = made.get("commands", [])
    if len(commands) > _COMMANDS:
        yield _named("command", f"… {len(commands) - _COMMANDS + 1} earlier (--json)")
        commands = commands[1 - _COMMANDS :]
    for command in commands:
        yield _named("command", command)
    versions = made.get("environment") or about["versions"]
    named = [f"{name} {versions[name]}" for name in _PACKAGES if name in versions]
    text = f"Python {versions.get('python')}, {', '.join(named)}"
    for number, line in enumerate(wrap(text, WIDTH - _INDENT)):
        yield _named("" if number else "versions", line)


def _named(name: str, text: str) -> str:
    return f"{name:<{_INDENT}}{text}"


def _share(n: int, about: Mapping[str, Any]) -> str:
    return f"{n / max(about['n_rows'], 1):.1%}"


def _more(items: Sequence[Any]) -> str:
    return f"  … {len(items) - MOST} more (--json)" if len(items) > MOST else ""


def _with_more(line: str, items: Sequence[Any]) -> str:
    """The line, and how many items are not shown; of the two, that is what has room."""
    more = _more(items)
    return _cut(line, WIDTH - len(more)) + more


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _cut(line: str, width: int = WIDTH) -> str:
    """The line as far as it fits, without what steers a terminal: a store may be anybody's."""
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= width else line[: width - 1] + "…"
