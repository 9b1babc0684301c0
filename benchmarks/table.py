"""Tables of README and docs, out of the committed results: `python benchmarks/table.py`."""

import json
from pathlib import Path
from typing import Any

from xc.evaluate.report.numbers import in_form

RESULTS = Path(__file__).parent / "results"
KINDS = ("shared", "a_only", "b_only")

ROWS: tuple[tuple[str, str, str, tuple[str | int, ...]], ...] = (
    (
        "harvest, both models",
        "TransformerLens `run_with_cache(names_filter=…)`",
        "harvest",
        ("ratios", "xc over TransformerLens names_filter"),
    ),
    (
        "",
        "TransformerLens with `stop_at_layer`",
        "harvest",
        ("ratios", "xc over TransformerLens stop_at_layer"),
    ),
    (
        "",
        "nnsight, stopped early",
        "harvest",
        ("ratios", "xc over nnsight, stopped"),
    ),
    (
        "training step, 4,096 latents",
        "dictionary-learning, BatchTopK SAE over both sources",
        "train",
        ("steps", 0, "ratios", "dictionary-learning BatchTopK / xc batch_topk"),
    ),
    (
        "",
        "sparsify, TopK SAE over both sources",
        "train",
        ("steps", 0, "ratios", "sparsify TopK / xc batch_topk"),
    ),
    (
        "training step, 16,384 latents",
        "dictionary-learning, BatchTopK SAE over both sources",
        "train",
        ("steps", 1, "ratios", "dictionary-learning BatchTopK / xc batch_topk"),
    ),
    (
        "",
        "sparsify, TopK SAE over both sources",
        "train",
        ("steps", 1, "ratios", "sparsify TopK / xc batch_topk"),
    ),
    (
        "latent scaling of every latent, both directions",
        "dense torch, block by block",
        "evaluate",
        ("ratios", "dense torch / ours"),
    ),
)
"""What is timed, beside what, file, and where in it the ratio stands."""


def table() -> str:
    """Markdown."""
    lines = ["| what | beside | times as fast |", "|---|---|---|"]
    for what, beside, name, path in ROWS:
        value: Any = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for step in path:
            value = value[step]
        lines.append(f"| {what} | {beside} | {value:.{1 if value >= 1 else 2}f} |")
    return "\n".join(lines)


def codecs() -> str:
    """Markdown: what each codec costs, for docs/store-format.md."""
    result: Any = json.loads((RESULTS / "store.json").read_text(encoding="utf-8"))
    trained = result["training"]["codecs"]
    lines = [
        "| codec | bytes a number | FVU | median dimension | write, MB/s | read, MB/s | fve |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, of in result["codecs"].items():
        fve = f"{trained[name]['difference']:+.4f}" if name in trained else "as above"
        lines.append(
            f"| `{name}` | {of['bytes_per_element']:.2f} | {of['fvu']:.1e} "
            f"| {of['fvu_median_dimension']:.1e} | {of['write_mb_per_s']} "
            f"| {of['read_mb_per_s']} | {fve} |"
        )
    return "\n".join(lines)


def recovery(world: str) -> str:
    """Markdown: what each architecture finds of planted directions, for docs/recovery.md."""
    result: Any = json.loads((RESULTS / "recovery.json").read_text(encoding="utf-8"))
    lines = [
        "| | fve | l0 | shared | A only | B only | false shared | false A only | false B only "
        "| unmatched | null: false exclusive | null: unmatched |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in result["worlds"][world]["found"].items():
        planted, null = found["planted"], found["null"]
        recall = [_cell(planted["recall"][kind], ".0%") for kind in KINDS]
        false = [_cell(planted["false"][kind], ".1f") for kind in KINDS]
        exclusive = [null["false"][kind] for kind in KINDS[1:]]
        wrong = None if None in exclusive else sum(exclusive)
        cells = [
            _cell(planted["fve"], ".3f"), _cell(planted["l0"], ".1f"), *recall, *false,
            _cell(planted["unmatched"], ".1f"), _cell(wrong, ".1f"),
            _cell(null["unmatched"], ".1f"),
        ]  # fmt: skip
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


ARTEFACT_ROWS: tuple[tuple[str, str, str], ...] = (
    ("`fve_a`", "fve_a", ".3f"),
    ("`fve_b`", "fve_b", ".3f"),
    ("`l0`", "l0", ".2f"),
    ("`n_shared`", "n_shared", "d"),
    ("`n_a_only`", "n_a_only", "d"),
    ("`n_b_only`", "n_b_only", "d"),
    ("`n_other`", "n_other", "d"),
    ("`sharedness`", "sharedness", ".3f"),
    ("`sharedness_v`", "sharedness_v", ".3f"),
    ("`sharedness_unweighted`", "sharedness_unweighted", ".3f"),
    ("`alignment`", "alignment", ".3f"),
    ("`cosine_shared_median`", "cosine_shared_median", ".3f"),
    ("L1 objective", "l1_objective", ".2f"),
    ("exclusive latents", "exclusive", "d"),
    ("… that are truly exclusive", "exclusive_true", "d"),
    ("… that ν lets pass", "exclusive_by_nu", "d"),
    ("… present in the other source, median", "elsewhere_exclusive", "z.2f"),
    ("… ν^ε, median", "nu_error_exclusive", "z.2f"),
    ("… ν^r, median", "nu_reconstruction_exclusive", "z.2f"),
)
"""What is shown of a dictionary, in words; key; form."""


def artefacts(world: str) -> str:
    """Markdown: headline numbers of written and trained dictionaries, for docs/artefacts.md."""
    result: Any = json.loads((RESULTS / "artefacts.json").read_text(encoding="utf-8"))
    found = result["worlds"][world]
    lines = [
        f"| | {' | '.join(found)} |",
        "|---|" + "---|" * len(found),
    ]
    for words, key, form in ARTEFACT_ROWS:
        lines.append(f"| {words} | {' | '.join(_cell(of[key], form) for of in found.values())} |")
    kinds = (("shared", "shared"), ("A only", "a_only"), ("B only", "b_only"), ("other", "other"))
    for words, kind in kinds:
        if kind in found["truth"]["found"]:
            shares = [_cell(of["found"][kind], ".0%") for of in found.values()]
            lines.append(f"| found: {words} | {' | '.join(shares)} |")
    return "\n".join(lines)


def identical() -> str:
    """Markdown: what is found between a model and itself, for docs/nulls.md."""
    result: Any = json.loads((RESULTS / "identical.json").read_text(encoding="utf-8"))
    lines = [
        "| model | crosscoder | shared | A only | B only | other | sharedness "
        "| alignment above chance | median cosine | delta_norm |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for model, variants in result["models"].items():
        for number, (name, of) in enumerate(variants.items()):
            counts = [f"{of[f'n_{kind}']}" for kind in (*KINDS, "other")]
            shares = ("sharedness", "alignment_adjusted", "cosine_shared_median")
            ends = of["delta_norm_min"], of["delta_norm_max"]
            delta = (
                _exactly(ends[0], 3) if len(set(ends)) == 1 else "{:.3f} to {:.3f}".format(*ends)
            )
            cells = [*counts, *(_exactly(of[key], 6) for key in shares), delta]
            lines.append(f"| {'' if number else model} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def snapshots() -> str:
    """Markdown: when features are born over snapshots of one training, for docs/sources.md."""
    result: Any = json.loads((RESULTS / "snapshots.json").read_text(encoding="utf-8"))
    steps = [f"step {of['step']}" for of in result["snapshots"]]
    lines = [
        f"| crosscoder over | {' | '.join(f'born at {step}' for step in steps)} "
        "| mean persistence | sharedness, first and last |",
        "|---|" + "---|" * (len(steps) + 2),
    ]
    for name, of in result["orders"].items():
        born = [_within(of, f"n_birth_50_{letter}", ".0f") for letter in "abc"]
        other = [_within(of, key, ".3f") for key in ("persistence_mean", "sharedness_a_c")]
        lines.append(f"| {name} | {' | '.join([*born, *other])} |")
    return "\n".join(lines)


def _within(of: dict[str, Any], key: str, form: str) -> str:
    """A number, and its interval where it has one."""
    value, *ends = (in_form(number, form) for number in (of[key], *(of[f"{key}_ci"] or ())))
    return f"{value} ({' to '.join(ends)})" if ends else value


def _exactly(value: float, digits: int) -> str:
    """Short where that is all of it: 1 is 1, not what is rounded to it."""
    return f"{value:g}" if value == float(f"{value:g}") else f"{value:.{digits}f}"


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else in_form(value, form)


if __name__ == "__main__":
    print(table(), codecs(), recovery("unequal"), recovery("equal"), sep="\n\n")
    print("", identical(), "", snapshots(), sep="\n")
    print(*(f"\n{artefacts(world)}" for world in ("plain", "shrinkage", "decoupling")), sep="\n")
