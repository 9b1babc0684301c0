"""Settings: documented, checked."""

import dataclasses

import pytest

from xc.evaluate import EvaluateConfig
from xc.store_schema import RequestError, field_docs


def test_every_field_is_documented() -> None:
    docs = field_docs(EvaluateConfig)
    assert set(docs) == {f.name for f in dataclasses.fields(EvaluateConfig)}


@pytest.mark.parametrize("given", [("l0,fve",), ("l0", "fve"), "l0, fve"])
def test_metrics_may_be_written_with_commas(given: tuple[str, ...]) -> None:
    assert EvaluateConfig(metrics=given).metrics == ("l0", "fve")


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tcp://a-b.c:1", "tcp://[::1]:80"])
def test_addresses_of_clusters(address: str) -> None:
    assert EvaluateConfig(scheduler=address).scheduler == address


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scheduler": "thread"}, "did you mean 'threads'"),
        ({"block_rows": 100, "tile_rows": 64}, "multiple of tile_rows"),
        ({"bootstrap": -1}, "bootstrap: expected at least 0"),
        ({"groups": 1}, "groups: expected 0 for no such intervals, or at least 2"),
        ({"scheduler": "tcp://nowhere"}, "expected tcp://HOST:PORT"),
        ({"scheduler": "tcp://host:port"}, "expected tcp://HOST:PORT"),
        ({"tile_rows": 0}, "tile_rows: expected at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        EvaluateConfig(**wrong)  # type: ignore[arg-type]
