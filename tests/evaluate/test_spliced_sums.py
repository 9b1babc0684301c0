"""Files of spliced losses: read back as written, refused where they are of something else."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from measured import Case

from xc.evaluate.reader import Reader
from xc.evaluate.spliced_precision import Precision
from xc.evaluate.spliced_sums import COLUMNS, kept_spliced, save_spliced, spliced_file
from xc.store_schema import Silent
from xc.store_schema.problem import Problem
from xc.store_schema.verify import verify_run

MakeCase = Callable[..., Case]


class Told(Silent):
    """Remembers the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def reader_of(case: Case) -> Reader:
    return Reader(case.store.path, case.run.root, 64)


def some_columns(n: int = 12) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    counts = {name: rng.integers(1, 9, n) for name in ("predicted", "replaced")}
    sums = {name: rng.random(n) for name in ("clean", "spliced", "zero")}
    return {"sequence": np.arange(48, 48 + n), **counts, **sums}


def problems(case: Case) -> list[Problem]:
    found = verify_run(case.run.root)
    return [problem for problem in found if problem.file.startswith("evaluation/ce")]


@pytest.fixture
def kept(make_case: MakeCase) -> Case:
    case = make_case()
    for source in range(2):
        told = {"precision": Precision("bfloat16", "4bit"), "model": "alpha"}
        save_spliced(case.run, reader_of(case), source, some_columns(), **told)
    return case


def test_what_was_written_comes_back(kept):
    told = Told()
    found = kept_spliced(reader_of(kept), kept.run, told)
    assert list(found) == [0, 1]
    for name, column in some_columns().items():
        assert (found[0].columns[name] == column).all()
    assert found[0].digest != found[1].digest
    assert found[0].precision == Precision("bfloat16", "4bit", None)
    assert told.notes == []
    assert problems(kept) == []


def test_other_programs_read_it(kept):
    table = pq.read_table(spliced_file(kept.run, 1))
    assert table.column_names == list(COLUMNS)
    assert table.num_rows == 12


def test_one_written_before_precision_was_told_is_kept_as_unknown(kept):
    file = spliced_file(kept.run, 0)
    table = pq.read_table(file)
    about = json.loads(table.schema.metadata[b"xc"])
    assert about.pop("precision")["dtype"] == "bfloat16"
    pq.write_table(table.replace_schema_metadata({"xc": json.dumps(about)}), file)
    found = kept_spliced(reader_of(kept), kept.run, Silent())
    assert [sums.precision for sums in found.values()] == [None, Precision("bfloat16", "4bit")]
    assert found[0].told["precision"] is None


def test_that_of_another_checkpoint_goes_with_a_note(kept):
    other = replace(kept.checkpoint, b_enc=kept.checkpoint.b_enc + 1)
    other.save(kept.run.checkpoint)
    told = Told()
    assert kept_spliced(reader_of(kept), kept.run, told) == {}
    assert len(told.notes) == 2
    assert "another checkpoint" in told.notes[0]
    assert "xc evaluate --ce" in told.notes[0]
    assert not spliced_file(kept.run, 0).exists()


def test_that_of_another_source_is_not_taken(kept):
    spliced_file(kept.run, 0).replace(spliced_file(kept.run, 1))
    assert kept_spliced(reader_of(kept), kept.run, Silent()) == {}


@pytest.mark.parametrize("harm", ["cut", "flipped", "foreign"])
def test_a_damaged_one_is_told_and_removed(kept, harm):
    file = spliced_file(kept.run, 0)
    whole = bytearray(file.read_bytes())
    if harm == "flipped":
        whole[20] ^= 255
    content = {"cut": whole[:-20], "flipped": whole, "foreign": b"{}"}[harm]
    file.write_bytes(content)
    (problem,) = problems(kept)
    assert problem.file == "evaluation/ce/a.parquet"
    assert "--ce" in problem.what
    told = Told()
    assert list(kept_spliced(reader_of(kept), kept.run, told)) == [1]
    assert "damaged" in told.notes[0]
    assert not file.exists()
