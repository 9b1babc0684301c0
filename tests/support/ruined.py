"""Parquet files of which parts are ruined: what is read all the same was not read there."""

from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq


def ruin(path: Path, *, columns: Collection[str], groups: Collection[int] | None = None) -> None:
    """Overwrite every page of some columns, in some row groups or in all; the footer stays."""
    metadata, content = pq.read_metadata(path), bytearray(path.read_bytes())
    for i in range(metadata.num_row_groups) if groups is None else groups:
        group = metadata.row_group(i)
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema in columns:
                start = chunk.data_page_offset
                if chunk.has_dictionary_page:
                    start = min(start, chunk.dictionary_page_offset)
                stop = start + chunk.total_compressed_size
                content[start:stop] = b"\xff" * (stop - start)
    path.write_bytes(content)
