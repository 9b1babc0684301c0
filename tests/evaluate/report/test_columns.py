import numpy as np
import pyarrow as pa

from xc.evaluate.report.columns import read_columns


def test_null_is_nan_and_text_is_left_out() -> None:
    table = pa.table(
        {"latent": [3, 4], "cosine": [0.5, None], "class": ["shared", None], "t": ["x", "y"]}
    )
    columns = read_columns(table)
    assert columns.latent.tolist() == [3, 4]
    assert columns.classes.tolist() == ["shared", ""]
    np.testing.assert_array_equal(columns.number("cosine"), [0.5, np.nan])
    assert set(columns.numbers) == {"cosine"}


def test_a_column_of_nulls_counts_as_absent() -> None:
    columns = read_columns(pa.table({"latent": [0], "cosine": pa.nulls(1, pa.float64())}))
    assert not columns.has("cosine")
    assert not columns.has("nowhere")
    assert np.isnan(columns.number("nowhere")).all()


def test_classes_of_three_sources_are_what_all_pairs_agree_on() -> None:
    table = pa.table(
        {
            "class_a_b": ["shared", "a_only", "a_only", "dead", "other"],
            "class_a_c": ["shared", "a_only", "shared", "dead", "c_only"],
            "class_b_c": ["shared", "other", "c_only", "dead", "c_only"],
        }
    )
    assert read_columns(table).classes.tolist() == ["shared", "a_only", "other", "dead", "c_only"]
