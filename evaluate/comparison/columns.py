"""What a comparison shows of each run, and how; another column is another row here."""

from dataclasses import dataclass

from xc.evaluate.report.numbers import Format, one, percent, three, whole


@dataclass(frozen=True)
class Column:
    """One number of summary.json."""

    key: str
    """As two sources have it; {p} and {q} stand for the letters of a pair."""
    title: str
    style: Format
    of_pair: bool = False
    """Whether more than two sources have one for each pair."""
    shaded: bool = False
    """Whether 0 is unlike and 1 alike, and cells are shaded from red to green."""

    def name(self, p: str, q: str, *, n_sources: int) -> str:
        """Key of summary.json for a pair of sources."""
        plain = self.key.format(p=p, q=q)
        return f"{plain}_{p}_{q}" if self.of_pair and n_sources > 2 else plain

    @property
    def plain(self) -> str:
        """The key with the letters of two sources."""
        return self.key.format(p="a", q="b")

    @property
    def of_models(self) -> bool:
        """Whether it is a loss of a model that was run, in some precision."""
        return self.key.startswith("ce_") and not self.key.startswith("ce_replaced")

    @property
    def needs_pair(self) -> bool:
        """Whether a single source has no such number."""
        return self.of_pair or "{q}" in self.key


COLUMNS: tuple[Column, ...] = (
    Column("l0", "L0", one),
    Column("fve_{p}", "FVE A", three),
    Column("fve_{q}", "FVE B", three),
    Column("dead_fraction", "Dead", percent),
    Column("n_shared", "Shared", whole, of_pair=True),
    Column("n_{p}_only", "A only", whole, of_pair=True),
    Column("n_{q}_only", "B only", whole, of_pair=True),
    Column("n_other", "Other", whole, of_pair=True),
    Column("fdr_shared", "FDR, shared", three, of_pair=True),
    Column("fdr_{p}_only", "FDR, A only", three, of_pair=True),
    Column("fdr_{q}_only", "FDR, B only", three, of_pair=True),
    Column("sharedness", "Sharedness", three, of_pair=True, shaded=True),
    Column("alignment", "Alignment", three, of_pair=True, shaded=True),
    Column("alignment_chance", "Alignment by chance", three, of_pair=True),
    Column("alignment_adjusted", "Alignment above chance", three, of_pair=True, shaded=True),
    Column("cosine_shared_median", "Cosine, shared", three, of_pair=True, shaded=True),
    Column("cka", "CKA", three, of_pair=True, shaded=True),
    Column("svcca", "SVCCA", three, of_pair=True, shaded=True),
    Column("ce_delta_{p}", "Loss added A", three),
    Column("ce_delta_{q}", "Loss added B", three),
    Column("ce_recovered_{p}", "Loss recovered A", three),
    Column("ce_recovered_{q}", "Loss recovered B", three),
)
"""In the order of the table."""

IN_MATRIX = ("sharedness", "alignment")
"""Keys that are also shown as a matrix of pairs by layers (Becker et al., Fig. 8)."""
