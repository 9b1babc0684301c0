"""Settings as people read them, and what runs have in common."""

import io
from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest
from compared import SETTINGS, copied
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate import Evaluation
from xc.evaluate.comparison import compare
from xc.evaluate.comparison.about import told_apart, told_once
from xc.evaluate.comparison.settings import setting_texts
from xc.evaluate.comparison.unread import is_read
from xc.store_schema import to_mapping
from xc.train import TrainConfig
from xc.train.idle import NEEDS
from xc.train.presets import PRESETS

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


def test_what_a_run_did_not_read_is_empty(evaluation: Evaluation, tmp_path: Path) -> None:
    trains = {
        "one": {"sparsity": "l1", "k": 64, "l1_coeff": 2.0, "until_fve": None},
        "two": {"sparsity": "batch_topk", "k": 64, "l1_coeff": 2.0, "until_fve": 0.9},
    }
    found = compare([copied(evaluation, tmp_path / n, train=t) for n, t in trains.items()])
    assert found.settings["k"] == [None, 64]
    assert found.settings["l1_coeff"] == [2.0, None]
    of_l1, of_topk = found.to_arrow().to_pylist()
    assert (of_l1["k"], of_topk["k"]) == (None, "64")
    assert (of_l1["l1_coeff"], of_l1["until_fve"]) == ("2.0", None)
    shared = compare([tmp_path / "one"] * 2).shared
    assert shared == {"sparsity": "l1", "l1_coeff": 2.0, "until_fve": None, "d_sae": 18}
    written = io.BytesIO()
    pyarrow.csv.write_csv(found.to_arrow(), written)
    head, line, _ = written.getvalue().decode().splitlines()
    cells = dict(zip(head.split(","), line.split(","), strict=True))
    assert cells['"k"'] == cells['"until_fve"'] == ""
    assert "None" not in written.getvalue().decode()


@pytest.mark.parametrize("preset", [None, *PRESETS])
@pytest.mark.parametrize("asked", [{}, {"sparsity": "none", "auxk_coeff": 0.0}, {"sparsity": "l1"}])
def test_what_is_read_is_what_the_trainer_reads(preset: str | None, asked: dict[str, Any]) -> None:
    own = {} if preset else asked
    config = TrainConfig.resolve({"preset": preset, "d_sae": 64, **own})
    settings = to_mapping(config)
    for name in settings:
        met = all(need.met(config) for need in NEEDS.get(name, ()))
        assert is_read(name, settings) == met, name
    assert is_read("k", {})


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


def test_an_imported_run_has_the_latents_of_its_checkpoint(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    runs = [
        copied(evaluation, tmp_path / name, train=train)
        for name, train in (("ours", SETTINGS), ("imported", {}))
    ]
    found = compare(runs)
    assert found.shared["d_sae"] == 18
    assert not [told for told in found.caveats if "number of latents" in told]
