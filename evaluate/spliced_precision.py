"""In what precision models ran for spliced losses: told of what is kept, and compared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Precision:
    """How exactly a model computed.

    The device is not part of it: the same type on a CPU and on a GPU is the same computation up to
    the order of its sums, whose rounding is far below what an interval spans, so that losses taken
    on a GPU serve on a laptop. What `auto` makes of a device is told by the type.
    """

    dtype: str
    """Type in which it ran, never `auto`."""
    quantize: str | None = None
    """8bit or 4bit, if its weights were read so."""
    attn_implementation: str | None = None
    """Attention kernel that was asked for; None is the choice of Transformers."""

    @classmethod
    def from_told(cls, told: Any) -> Self | None:
        """From what a file tells; None if it was written before files told it."""
        try:
            return cls(**told)
        except TypeError:
            return None

    def to_dict(self) -> dict[str, str | None]:
        """What a file tells."""
        return asdict(self)

    def __str__(self) -> str:
        """`bfloat16 from 4bit, attention eager`."""
        weights = f" from {self.quantize}" if self.quantize else ""
        kernel = f", attention {self.attn_implementation}" if self.attn_implementation else ""
        return f"{self.dtype}{weights}{kernel}"


def told_precisions(provenance: Mapping[str, Any]) -> dict[str, Precision | None]:
    """By letter of the source, from provenance.json; of sources without losses nothing.

    Unknown where it has a digest alone, as it had before it told precisions.
    """
    told = provenance.get("ce") or {}
    return {
        letter: Precision.from_told(of.get("precision")) if isinstance(of, dict) else None
        for letter, of in told.items()
    }


def words(precision: Precision | None) -> str:
    """A precision for people."""
    return "unknown precision" if precision is None else str(precision)


def unequal(found: Mapping[str, Precision | None]) -> str | None:
    """What is to be said of sources whose models ran in several precisions; None if all are alike.

    Args:
        found: by letter of the source. One that is unknown is like no other.
    """
    if len(found) < 2 or (None not in found.values() and len(set(found.values())) == 1):
        return None
    told = "; ".join(f"{letter.upper()}: {words(p)}" for letter, p in found.items())
    ran = "may have run" if None in found.values() else "ran"
    note = f"the models of ce_* {ran} in different precisions ({told}): compare with care"
    one_type = len({p and p.dtype for p in found.values()} - {None}) == 1
    mends = None in found.values() or not one_type  # as harvested, weights may be of fewer bits
    return f"{note}; `xc evaluate --ce --dtype float32` takes them in one type" if mends else note
