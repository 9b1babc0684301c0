"""Some latents of a finished evaluation: of one class, in an order, a few of them."""

import difflib
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from xc.evaluate.evaluation import Evaluation, Table
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


ALL_COLUMNS = "all of them: `xc latents RUN --columns all`, explained in docs/tables.md"

_CLOSE = 3
"""Most columns that are taken for misspelt."""
_NAMED = 8
"""Most columns that a message names."""


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
    latents = evaluation.latents
    shown = _shown(latents, columns, kind, sort)
    for name in (*shown, *([sort] if sort else []), *(["class"] if kind is not None else [])):
        _check_column(latents, name)
    where = None if kind is None else pc.field("class") == _known_class(latents, kind)
    by = [sort, "latent"] if sort else ["latent"]
    table = latents.to_arrow(list(dict.fromkeys([*shown, *by])), where=where)
    keys = [(by[0], "descending" if descending else "ascending"), ("latent", "ascending")]
    order = pc.sort_indices(table, sort_keys=keys)
    return table.select(shown).take(order[:limit])


def _shown(latents: Table, columns: Sequence[str], kind: str | None, sort: str | None) -> list[str]:
    if columns:
        return list(dict.fromkeys(("latent", *columns)))
    named = [OF_FIRST.get(n, n) for n in PREFERRED] if kind == "a_only" else PREFERRED
    wanted = [name for name in named if name in latents.names and not latents.is_empty(name)]
    return list(dict.fromkeys([*wanted, *([sort] if sort else [])]))


def _check_column(latents: Table, name: str) -> None:
    if name not in latents.names:
        raise RequestError(f"no column '{name}'; {_instead(name, latents.names)}; {ALL_COLUMNS}")


def _instead(name: str, names: Sequence[str]) -> str:
    """Which columns may have been meant: those of each source or pair, close ones, usual ones."""
    if of_each := [n for n in names if re.fullmatch(rf"{re.escape(name)}(_[a-z]){{1,3}}", n)]:
        return f"there is one of each source or pair: {_first(of_each)}"
    if near := difflib.get_close_matches(name, names, n=_CLOSE):
        quoted = " or ".join(f"'{n}'" for n in near)
        return f"did you mean {quoted}?"
    usual = [n for p in PREFERRED for n in names if re.fullmatch(rf"{p}(_[a-z]_[a-z])?", n)]
    return f"usual ones: {_first(usual)}"


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _known_class(latents: Table, kind: str) -> str:
    letters = [name[-1] for name in latents.names if _NORM.fullmatch(name)]
    known = {*class_names(letters)}
    if len(letters) < 2:  # classes that a source alone cannot have are empty, not unknown
        known |= {*class_names("ab")}
    if kind not in known:
        known |= {*filter(None, latents.column("class"))}
    if kind not in known:
        raise RequestError(f"there is no class '{kind}'{suggestion(kind, known)}")
    return kind
