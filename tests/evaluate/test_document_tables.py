"""The page on tables says what the files hold, and its code runs."""

import re
from pathlib import Path

import labelled
import planted
import pytest
from measured import Case

from xc.evaluate import Evaluation
from xc.evaluate.document_tables import page
from xc.store_schema import RowFilter

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_in_docs_is_current():
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Of four roles and two parts of the corpus."""
    root = tmp_path_factory.mktemp("grouped")
    store = labelled.labelled_store(root / "acts.zarr", widths=(16, 16))
    truth = planted.make_truth(labelled.N_ROWS)
    checkpoint = planted.true_crosscoder(truth, store)
    run = planted.write_run(root / "run", checkpoint, store, row_filter=RowFilter())
    return Case(truth, store, checkpoint, run).evaluate()


def described() -> tuple[list[str], list[str], str]:
    """Columns of all rows, those of the rows of a role or part, and the last one."""
    *found, last = re.findall(r"^\| `(\w+)` \|", page().split("## examples")[0], re.MULTILINE)
    some = [name for name in found if name.endswith("_NAME")]
    return [name for name in found if name not in some], some, last


def test_names_the_columns_that_are_written(evaluation: Evaluation):
    plain, _, last = described()
    assert plain == evaluation.latents.to_arrow().column_names
    assert last == "group"


def test_names_the_columns_of_roles_and_parts(grouped: Evaluation):
    plain, some, _ = described()
    assert some
    roles = [f"_role_{name}" for name in ("neither", "user", "assistant", "template")]
    parts = [f"_corpus_{name}" for name in ("org-web", "ci~2")]
    expected = [
        name.replace(f"_{kind}_NAME", end)
        for kind, ends in (("role", roles), ("corpus", parts))
        for end in ends
        for name in some if f"_{kind}_" in name
    ]  # fmt: skip
    assert plain + expected == grouped.latents.to_arrow().column_names


def test_the_code_for_notebooks_runs(evaluation: Evaluation):
    if (evaluation.latents.to_arrow()["class"].null_count) or not evaluation.run.latents.is_dir():
        pytest.fail("the case has neither classes nor a latent table")
    pytest.importorskip("duckdb")
    pytest.importorskip("polars")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page(), re.DOTALL))
    exec(code.replace("runs/default", str(evaluation.run.root)), {})
