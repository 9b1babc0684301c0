"""The page on tables says what the files hold, and its code runs."""

import re
from pathlib import Path

import pytest

from xc.evaluate import Evaluation
from xc.evaluate.document_tables import page

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_in_docs_is_current():
    assert PAGE.read_text(encoding="utf-8") == page()


def test_names_the_columns_that_are_written(evaluation: Evaluation):
    described = re.findall(r"^\| `(\w+)` \|", page().split("## examples")[0], re.MULTILINE)
    assert described[:-1] == evaluation.latents.to_arrow().column_names
    assert described[-1] == "group"


def test_the_code_for_notebooks_runs(evaluation: Evaluation):
    if (evaluation.latents.to_arrow()["class"].null_count) or not evaluation.run.latents.is_dir():
        pytest.fail("the case has neither classes nor a latent table")
    pytest.importorskip("duckdb")
    pytest.importorskip("polars")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page(), re.DOTALL))
    exec(code.replace("runs/default", str(evaluation.run.root)), {})
