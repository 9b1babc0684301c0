"""Chapter of docs/metrics.md on planted truth: the worlds, and what the artefacts of L1 do."""

import textwrap
from collections.abc import Sequence

from xc.evaluate.document_planted import DICTIONARIES, WORLDS, Planted, Row, cell, table

COMMANDS = """\
```bash
python benchmarks/planted.py  # a minute of one core; writes benchmarks/results/planted.json
python -m xc.evaluate.document --results benchmarks/results > docs/metrics.md
```
"""


def chapter(planted: Planted) -> str:
    """What the worlds are, how to remake the numbers, and what they say; Markdown."""
    return "\n".join([
        "## Planted truth\n", *map(_filled, _worlds(planted)), _columns(planted),
        *map(_filled, _READING), COMMANDS, "### What the artefacts of L1 do\n",
        _overview(planted), *map(_filled, _story(planted)),
    ])  # fmt: skip


def _worlds(planted: Planted) -> tuple[str, ...]:
    plain, faint, apart = (planted.worlds[world]["kinds"] for world in WORLDS)
    settings = planted.settings
    return (
        f"""Every entry shows what its metric reads where the truth is known. Rows are sparse sums
        of planted directions, an offset, and noise (standard deviation {settings["noise"]:g}); two
        sources are 40 wide each, and directions are the same vectors in both. The worlds are those
        of [the page on artefacts](artefacts.md), where there is more on each:""",
        f"""- *plain*: {plain["shared"]} shared directions, {plain["a_only"]} of A only,
        {plain["b_only"]} of B only;""",
        f"""- *shrinkage*: {faint["shared"]} shared, {faint["a_only"]} of A only, {faint["b_only"]}
        of B only, {faint["faint_in_b"]} *faint in B* and {faint["faint_in_a"]} *faint in A*: held
        there at 0.3 of the length that they have in the other source, so that they are neither
        shared nor exclusive;""",
        f"""- *decoupling*: {apart["shared"]} concepts that fire in both sources at once on half of
        their rows, in A alone on a quarter and in B alone on a quarter; three latents for each.""",
        f"""Planted besides: {settings["silent"]} latents that never fire, encoders of B at a cosine
        of {settings["encoder_cosine"]:g} to those of A, and tokens of a chat template wherever one
        of a quarter of the latents of B only fires, and on a tenth of the other rows. In a small
        world, *three*, there are sources 8, 8 and 6 wide, with directions at a cosine of 0.6 in A
        and B, and latents *in all*, of *A only*, of *C only*, in *B and C*, and *fading* (1, 0.4
        and 0.05 of their length); some rows are attention sinks, one latent fires once, and one at
        10⁻⁵.""",
        """The losses of models are told of a world of *words*: 64 of them, each a stem and an
        ending, and two models that know which word goes with which, and nothing else, so that their
        losses can be written down. The dictionary holds every stem and every ending in A, and no
        ending in B.""",
    )


def _columns(planted: Planted) -> str:
    """What stands under which dictionary."""
    settings = planted.settings
    rows = {
        "truth": (
            "what follows from codes, directions, noise and roles as planted: dense formulas in "
            "float64, in a program that uses nothing of xc (`benchmarks/planted_truth.py`)"
        ),
        "read": ("what `xc evaluate` says of the planted dictionary, written down as a checkpoint"),
        "artefact": (
            "what it says of a dictionary that L1 prefers to that one, or likes as well, written "
            "down (Minder et al., section 2.3 and appendix A.4). *shrinkage*: every decoder row "
            "shortened by what the penalty has to gain, the faint ones to next to nothing. "
            "*decoupling*: two latents for a concept in place of three, A's and B's, of which both "
            "fire where both sources hold it"
        ),
        "L1, BatchTopK": (
            f"of crosscoders of 128 latents trained on these rows (λ = {settings['l1_coeff']:g}; "
            f"k = {settings['k']}; {settings['steps']:,} steps)"
        ),
    }
    lines = [f"| {name} | {text} |" for name, text in rows.items()]
    return "\n".join(["| column | holds |", "|---|---|", *lines, ""])


_READING = (
    """Of a column of latents.parquet it is the median over the latents of a planted kind, or over
    those of another dictionary that match them, one to one, with a cosine of the decoder rows above
    0.9; – is null, and a cell is empty where there is no such dictionary or no match. Truth and
    *read* are the same for every number and every single latent, to single precision, or the
    program below fails. Only chance levels (drawn there, exact in `xc evaluate`), false twins
    (drawn) and quantiles of activations (within 3 %) need not agree to the last digit. Latents of
    both sources have a ν of not quite 1, since the scales by which the two are normalised differ by
    some per cent.""",
)


def _overview(planted: Planted) -> str:
    """Exclusive latents, and those that ν confirms, of each world and dictionary."""
    rows: list[Row] = []
    for label, end in (("exclusive latents", ""), ("confirmed by ν", "_nu_below")):
        for world in WORLDS:
            a, b = (planted.cells(world, "summary", f"n_{m}_only{end}") for m in "ab")
            cells = ["" if x == "" else x + y for x, y in zip(a, b, strict=True)]
            rows.append((f"{world}: {label}", cells))
    return table(rows)


def _story(planted: Planted) -> tuple[str, ...]:
    """Paragraphs: artefacts and trained crosscoders, with their numbers."""

    def shrunk(key: str, kind: str = "") -> str:
        return _four(planted, "shrinkage", key, kind)

    def decoupled(key: str, kind: str = "") -> str:
        return _four(planted, "decoupling", key, kind)

    return (
        "Four numbers behind one another are those of truth, artefact, L1 and BatchTopK.",
        f"""**Complete shrinkage** makes exclusive latents of those that one source holds faintly.
        `delta_norm` of those faint in B is {shrunk("delta_norm", "faint_in_b")}: `n_other` is
        {shrunk("n_other")}, `n_a_only` {shrunk("n_a_only")}. `sharedness` ({shrunk("sharedness")}),
        `alignment` ({shrunk("alignment")}) and `fve` ({shrunk("fve")}) fall, and no decoder norm
        tells that anything is wrong. Latent scaling does. What was taken from a latent is left in
        the error: `beta_error` of B-only latents is {shrunk("beta_error_b", "b_only")} in B. And so
        is what the other source holds: `nu_error` of latents faint in B is
        {shrunk("nu_error_mirror", "faint_in_b")}, where 0.3 was planted, and `n_a_only_nu_below` is
        {shrunk("n_a_only_nu_below")}.""",
        f"""**Latent decoupling** writes twice what both sources hold. `n_shared` is
        {decoupled("n_shared")}, `sharedness` {decoupled("sharedness")}, and `alignment_adjusted`
        ({decoupled("alignment_adjusted")}) falls far below chance, as each latent has a direction
        on one side only. `fve` of the artefact is that of the truth ({decoupled("fve")}); `l0`
        counts the second latent ({decoupled("l0")}). `nu_error` of the artefact's B-only latents
        does not tell ({decoupled("nu_error", "b_only")}), `nu_reconstruction` does
        ({decoupled("nu_reconstruction", "b_only")}): it is the share of a latent's activation that
        the other source's twin writes too. `n_a_only_nu_below` is
        {decoupled("n_a_only_nu_below")}. There are twins in the truth as well (`n_twins`:
        {decoupled("n_twins")}), which never fire together; how often they fire apart tells the two
        cases from one another (`twin_divergence_median`:
        {decoupled("twin_divergence_median")}).""",
        """**BatchTopK** shows neither: in no world does it call more latents exclusive than there
        are, and ν confirms every one of them. It does not find everything: where a concept fires
        now in both sources, now in one, it has too few latents of A only and of class shared, and
        its `sharedness` is too high.""",
        """What is measured on activations alone (`cca`, `svcca`, `pwcca`, `cka`, `procrustes`)
        does not know of a dictionary, and is one number in all columns.""",
    )


def _four(planted: Planted, world: str, key: str, kind: str = "") -> str:
    """In words: of all dictionaries but what is read, which is the truth."""
    cells = planted.cells(world, "latents" if kind else "summary", key, kind)
    by_name = dict(zip(DICTIONARIES, cells, strict=True))
    return _listed([cell(value) for name, value in by_name.items() if name != "planted"])


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _filled(paragraph: str) -> str:
    """Wrapped at 100 columns; items of a list are indented, and no line stands behind them."""
    item = paragraph.startswith("- ")
    text = textwrap.fill(
        " ".join(paragraph.split()), 100, subsequent_indent="  " * item,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return text if paragraph.endswith(";") else f"{text}\n"
