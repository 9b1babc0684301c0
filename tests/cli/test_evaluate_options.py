"""Options of `xc evaluate` beside an evaluation's settings, which the evaluation never sees."""

from dataclasses import fields

import pytest

from xc.cli.evaluate_options import EvaluateOptions
from xc.evaluate import EvaluateConfig
from xc.evaluate.spliced_metrics import SPLICED
from xc.store_schema import RequestError, field_docs, from_mapping

NAMES = tuple(metric.name for metric in SPLICED)


def options(**values: object) -> EvaluateOptions:
    return from_mapping(EvaluateOptions, values, where="evaluate")


def test_the_evaluation_gets_its_own_settings_alone():
    config = options(ce=True, device="cpu", seed=3).evaluation()
    assert type(config) is EvaluateConfig
    assert config == EvaluateConfig(seed=3)


def test_ce_is_measured_if_asked_for_by_either_way():
    assert not options().wants_ce(2)
    assert not options(metrics=["l0"]).wants_ce(2)
    assert options(ce=True).wants_ce(2)
    assert options(metrics=["l0", "ce_recovered_b"]).wants_ce(2)
    with pytest.raises(RequestError):
        options(metrics=["ce_recovered_c"]).wants_ce(2)


def test_ce_beside_metrics_adds_its_numbers():
    assert options(ce=True, metrics="l0").evaluation().metrics == ("l0", *NAMES)
    assert options(ce=True).evaluation().metrics == ()


def test_models_are_words_or_lists():
    assert options(models="a, b").models == options(models=["a", "b"]).models == ("a", "b")


def test_every_option_has_a_text():
    docs = field_docs(EvaluateOptions)
    assert all(docs[field.name] for field in fields(EvaluateOptions))
