"""Which exit status each error stands for."""

import pytest

from xc.store_schema import (
    DamageError,
    NumericalError,
    RequestError,
    SchemaError,
    XcError,
)


@pytest.mark.parametrize(
    ("kind", "status", "parent"),
    [
        (XcError, 1, Exception),
        (RequestError, 2, XcError),
        (SchemaError, 2, RequestError),
        (DamageError, 1, XcError),
        (NumericalError, 1, XcError),
    ],
)
def test_tree(kind: type[XcError], status: int, parent: type[Exception]) -> None:
    assert kind.exit_status == status
    assert issubclass(kind, parent)
    assert str(kind("what was found; what to do")) == "what was found; what to do"
