"""Over how much the intervals are, in words."""

import pytest

from xc.evaluate.evidence import FEW, evidence


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, ""),
        ({"clusters": None}, ""),
        ({"clusters": {"unit": "documents"}}, ""),
        ({"clusters": {"unit": "documents", "n": 1200}}, "1,200 documents"),
        ({"clusters": {"unit": "sequences", "n": FEW}}, "30 sequences"),
        (
            {"clusters": {"unit": "sequences", "n": FEW - 1}},
            "29 sequences (few: intervals are noisy)",
        ),
        ({"clusters": {"unit": "documents", "n": 1}}, "1 document (few: intervals are noisy)"),
    ],
)
def test_says_how_many_and_when_they_are_few(told: dict[str, object], said: str) -> None:
    assert evidence(told) == said
