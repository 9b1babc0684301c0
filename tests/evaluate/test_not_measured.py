"""What compares two sources is named for one that stands alone."""

from xc.evaluate.metrics import METRICS
from xc.evaluate.not_measured import alone


def test_a_source_alone_lacks_what_compares_two() -> None:
    found = alone(METRICS)
    assert found["sharedness"] is False
    assert found["cosine"] is True
    assert "class" not in found
    assert "fve_a" not in found
