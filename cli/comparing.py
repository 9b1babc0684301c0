"""The files of a comparison."""

from pathlib import Path

import pyarrow.csv

from xc.evaluate.comparison import Comparison, comparison_page
from xc.store_schema import RequestError, atomic_path, atomic_write

NAME = "comparison"


def write_comparison(comparison: Comparison, *, folder: Path) -> tuple[Path, Path]:
    """Write comparison.html and comparison.csv; equal inputs, equal bytes.

    Raises:
        RequestError: if the folder cannot be made, or nothing be written there.
    """
    page, table = folder / f"{NAME}.html", folder / f"{NAME}.csv"
    doing = "make this folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        doing = "write there"
        atomic_write(page, comparison_page(comparison))
        with atomic_path(table) as aside:
            pyarrow.csv.write_csv(comparison.to_arrow(), aside)
    except OSError as error:
        why = error.strerror or error
        raise RequestError(f"--out {folder}: cannot {doing} ({why}); name another") from error
    return page, table
