"""Settings as people read them, and what runs have in common."""

from pathlib import Path

import pytest
from compared import SETTINGS, copied
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate import Evaluation
from xc.evaluate.comparison import compare
from xc.evaluate.comparison.about import told_apart, told_once
from xc.evaluate.comparison.settings import setting_texts

LR = 0.0026127890589687235


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=5))
def test_values_that_differ_read_differently(values: list[float]) -> None:
    texts = setting_texts(values)
    assert len(set(texts)) == len(set(values))
    assert [float(text) for text in texts] == pytest.approx(values, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([LR, 0.0018475208614068025], ["0.002613", "0.001848"]),
        ([LR, 0.00261279], ["0.00261278906", "0.00261279"]),
        ([LR, 0.0026128], ["0.00261279", "0.0026128"]),
        ([0.03125, 0.0], ["0.03125", "0"]),
        ([100_000, 384], ["100,000", "384"]),
        ([True, False, None], ["yes", "no", "–"]),
        ([[256, 1024], []], ["256, 1,024", "–"]),
        (["batch_topk", "l1"], ["batch_topk", "l1"]),
    ],
)
def test_texts_of_settings(values: list[object], texts: list[str]) -> None:
    assert setting_texts(values) == texts


def test_settings_are_told_apart_or_once(evaluation: Evaluation, tmp_path: Path) -> None:
    runs = [
        copied(evaluation, tmp_path / name, train={**SETTINGS, "lr": lr, "device": name})
        for name, lr in (("one", LR), ("two", 0.001))
    ]
    found = compare(runs)
    assert found.settings == {"lr": [LR, 0.001]}
    assert found.shared == SETTINGS
    assert [row["lr"] for row in found.to_arrow().to_pylist()] == [str(LR), "0.001"]


def test_sources_are_told_once_where_all_runs_have_the_same(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    runs = [copied(evaluation, tmp_path / name) for name in ("one", "two")]
    entries = compare(runs).entries
    assert told_apart(entries) == {}
    assert told_once(entries)["Models"] == entries[0].models
    other = copied(evaluation, tmp_path / "other")
    path = other / "checkpoint" / "config.json"
    text = path.read_text()
    assert '"layer": ' in text
    path.write_text(text.replace('"layer": ', '"layer": 7'))
    entries = compare([*runs, other]).entries
    layers = told_apart(entries)["Layers"]
    assert layers[0] == layers[1] != layers[2]
    assert "Layers" not in told_once(entries)
