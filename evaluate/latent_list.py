"""Some latents of a finished evaluation: of one class, in an order, a few of them."""

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from xc.evaluate.evaluation import Evaluation
from xc.evaluate.overall import class_names
from xc.store_schema import RequestError, suggestion

PREFERRED = (
    "latent", "class", "rel_norm", "cosine", "frequency", "mean_activation", "nu_error",
    "nu_reconstruction",
)  # fmt: skip
"""Columns that are shown where none are named."""

_NORM = re.compile("norm_[a-z]")
"""Columns of which each source has one."""

OF_FIRST = {"nu_error": "nu_error_mirror", "nu_reconstruction": "nu_reconstruction_mirror"}
"""Latents of A alone have no direction in B worth measuring along."""


def list_latents(
    evaluation: Evaluation,
    *,
    kind: str | None = None,
    sort: str | None = None,
    descending: bool = False,
    limit: int | None = None,
    columns: Sequence[str] = (),
) -> pa.Table:
    """Rows of latents.parquet.

    Args:
        evaluation: of the run.
        kind: value of `class`; None: all.
        sort: column to order by, nulls last; None: the latent's number.
        descending: largest first.
        limit: most rows; None: all.
        columns: what to show; none: `PREFERRED` and the column sorted by.

    Raises:
        RequestError: if there is no such class or column.
    """
    table = evaluation.latents.to_arrow()
    shown = _shown(table, columns, kind, sort)
    for name in (*shown, *([sort] if sort else [])):
        _check_column(table, name)
    if kind is not None:
        table = table.filter(pc.equal(table["class"], _known_class(table, kind)))
    keys = [(sort or "latent", "descending" if descending else "ascending")]
    order = pc.sort_indices(table, sort_keys=[*keys, ("latent", "ascending")])
    return table.select(shown).take(order[:limit])


def _shown(
    table: pa.Table, columns: Sequence[str], kind: str | None, sort: str | None
) -> list[str]:
    if columns:
        return list(dict.fromkeys(("latent", *columns)))
    named = [OF_FIRST.get(n, n) for n in PREFERRED] if kind == "a_only" else PREFERRED
    wanted = [name for name in named if name in table.column_names]
    wanted = [name for name in wanted if table[name].null_count < len(table)]
    return list(dict.fromkeys([*wanted, *([sort] if sort else [])]))


def _check_column(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        raise RequestError(f"no column '{name}'{suggestion(name, table.column_names)}")


def _known_class(table: pa.Table, kind: str) -> str:
    letters = [name[-1] for name in table.column_names if _NORM.fullmatch(name)]
    known = {*filter(None, table["class"].unique().to_pylist()), *class_names(letters)}
    if len(letters) < 2:  # classes that a source alone cannot have are empty, not unknown
        known |= {*class_names("ab")}
    if kind not in known:
        raise RequestError(f"there is no class '{kind}'{suggestion(kind, known)}")
    return kind
