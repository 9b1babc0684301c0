"""Over how much the intervals of an evaluation are, and whether it is little."""

from collections.abc import Mapping
from typing import Any

from xc.evaluate.plural import plural

FEW = 30
"""Clusters below which intervals are themselves so uncertain that it is said."""


def evidence(provenance: Mapping[str, Any]) -> str:
    """`12 documents (few: intervals are noisy)`; empty where provenance.json does not tell."""
    told = provenance.get("clusters")
    if not isinstance(told, dict) or not isinstance(told.get("n"), int):
        return ""
    n, unit = told["n"], str(told.get("unit", "clusters"))
    said = plural(n, unit.removesuffix("s"))
    return f"{said} (few: intervals are noisy)" if n < FEW else said
