"""Losses of spliced passes in a whole evaluation: keys, intervals, reasons, what is made anew."""

from collections.abc import Callable

import numpy as np
import pytest
from measured import Case

from xc.evaluate import EvaluateConfig, evaluate
from xc.evaluate.reader import Reader
from xc.evaluate.spliced import RUN_IT
from xc.evaluate.spliced_metrics import SPLICED
from xc.evaluate.spliced_precision import Precision
from xc.evaluate.spliced_sums import save_spliced, spliced_file
from xc.evaluate.summary import LEFT_OUT
from xc.store_schema import Silent

MakeCase = Callable[..., Case]
KEYS = [f"{metric.name}_{letter}" for metric in SPLICED for letter in "ab"]
FLOAT32 = Precision("float32")
CONTRACT = ("ce_clean", "ce_spliced", "ce_zero", "ce_delta", "ce_recovered")


def save(case: Case, *sources: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Losses of all held-out sequences as forward passes would have left them."""
    rng = np.random.default_rng(seed)
    sequence = np.flatnonzero(case.store.sequences.split == 1)
    n = len(sequence)
    columns = {
        "sequence": sequence, "predicted": np.full(n, 32), "replaced": np.full(n, 32),
        "clean": rng.gamma(64.0, 1.0, n), "spliced": 20 + rng.gamma(64.0, 1.0, n),
        "zero": 200 + rng.gamma(64.0, 1.0, n),
    }  # fmt: skip
    reader = Reader(case.store.path, case.run.root, 64)
    for source in sources:
        save_spliced(case.run, reader, source, columns, precision=FLOAT32)
    return columns


def test_numbers_with_intervals(make_case: MakeCase):
    case = make_case()
    columns = save(case, 0, 1)
    found = case.evaluate()
    totals = {name: column.sum() for name, column in columns.items()}
    clean, spliced, zero = (totals[n] / totals["predicted"] for n in ("clean", "spliced", "zero"))
    wanted = (clean, spliced, zero, spliced - clean, 1 - (spliced - clean) / (zero - clean))
    for letter in "ab":
        for name, value in zip(CONTRACT, wanted, strict=True):
            assert found.summary[f"{name}_{letter}"] == pytest.approx(value)
            low, high = found.summary[f"{name}_{letter}_ci"]
            assert low < value < high
    without = {k for k in found.summary["not_measured"] if k.startswith("ce_")}
    assert without == {"ce_replaced_a_ci", "ce_replaced_b_ci"}  # as many in every sequence
    assert sorted(found.provenance["ce"]) == ["a", "b"]
    assert found.provenance["ce"]["a"]["precision"] == FLOAT32.to_dict()


def test_without_losses_the_command_is_named(make_case: MakeCase):
    summary = make_case().evaluate().summary
    for key in KEYS:
        assert summary[key] is None
        assert summary["not_measured"][key] == RUN_IT
        assert summary["not_measured"][f"{key}_ci"] == RUN_IT
    assert "xc evaluate --ce" in RUN_IT


def test_one_source_alone_may_have_them(make_case: MakeCase):
    case = make_case()
    save(case, 1)
    settings = EvaluateConfig(bootstrap=20, report=False)
    why = "model 'alpha': not to be had"
    summary = evaluate(
        settings, run=case.run, store=case.store, progress=Silent(), refused={0: why}
    ).summary
    assert summary["ce_recovered_a"] is None
    assert summary["not_measured"]["ce_recovered_a"] == why
    assert summary["ce_recovered_b"] > 0
    assert summary["ce_recovered_b_ci"] is not None
    assert summary["ce_recovered_a_ci"] is None


def test_what_is_done_is_made_anew_when_losses_come(make_case: MakeCase):
    case = make_case()
    before = case.evaluate().summary
    save(case, 0)
    after = case.evaluate().summary
    assert before["ce_clean_a"] is None
    assert after["ce_clean_a"] > 0
    assert after["ce_clean_b"] is None
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {key for key in before if key.startswith("ce_")} | {"not_measured"}
    spliced_file(case.run, 0).unlink()
    assert case.evaluate().summary == before


def test_they_are_metrics_by_name(make_case: MakeCase):
    case = make_case()
    save(case, 0, 1)
    alone = case.evaluate(metrics=("ce_recovered_a",)).summary
    assert alone["ce_recovered_a"] is not None
    assert alone["ce_recovered_b"] is not None
    assert alone["not_measured"]["ce_clean_a"] == LEFT_OUT
    assert alone["l0"] is None
    other = case.evaluate(metrics=("l0",)).summary
    assert other["not_measured"]["ce_recovered_a"] == LEFT_OUT


def test_what_keep_narrows_they_are_not(make_case: MakeCase):
    case = make_case()
    save(case, 0)
    whole = case.evaluate().summary
    narrowed = case.evaluate(keep=("neither",)).summary
    assert whole["ce_clean_a"] == narrowed["ce_clean_a"]
