from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from xc.evaluate.report.examples import read_examples


def table(**changes: Any) -> pa.Table:
    columns = {
        "latent": [5, 5, 2],
        "rank": [1, 0, 0],
        "row": [10, 11, 12],
        "sequence": [0, 0, 1],
        "position": [3, 4, 5],
        "activation": [1.0, 2.0, 3.0],
        "tokens": pa.array([["a", "b"], ["c"], []], pa.list_(pa.string())),
        "activations": pa.array([[0.0, 1.0], [2.0], []], pa.list_(pa.float32())),
        "center": [1, 0, 0],
    }
    return pa.table(columns | changes)


def test_latents_in_the_table_s_order_and_examples_by_rank() -> None:
    examples = read_examples(table())
    assert list(examples) == [5, 2]
    assert [e.row for e in examples[5]] == [11, 10]
    assert examples[5][1].tokens == ("a", "b")
    assert examples[2][0].tokens == ()


def test_activations_that_are_missing_are_zero() -> None:
    short = pa.array([[None], None, [9.0]], pa.list_(pa.float32()))
    examples = read_examples(table(activations=short))
    assert examples[5][1].activations == (0.0, 0.0)
    assert examples[2][0].activations == ()


def test_bytes_that_are_no_text_survive_a_parquet_file(tmp_path: Path) -> None:
    pieces = pa.array([b"\xff<b>", b"ok", b"\xf0\x9f"], pa.binary()).view(pa.string())
    tokens = pa.ListArray.from_arrays(pa.array([0, 2, 3, 3], pa.int32()), pieces)
    parquet.write_table(table(tokens=tokens), tmp_path / "examples.parquet")
    examples = read_examples(parquet.read_table(tmp_path / "examples.parquet"))
    assert examples[5][1].tokens == ("\ufffd<b>", "ok")
    assert examples[5][0].tokens == ("\ufffd",)


def test_no_rows() -> None:
    assert read_examples(table().slice(0, 0)) == {}
