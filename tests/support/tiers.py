"""Which cases of a test `make test` takes, and which only `make thorough`."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def tiered(cases: Iterable[Any], briefly: Callable[[Any], bool]) -> list[Any]:
    """Cases for `parametrize`; those that are not `briefly` tried are marked `thorough`."""
    return [case if briefly(case) else thorough(case) for case in cases]


def thorough(case: Any) -> Any:
    """A case of one value, or a tuple of them."""
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.thorough)
