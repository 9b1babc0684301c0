"""Several evaluated runs side by side: `xc compare`."""

from xc.evaluate.comparison.compare import Comparison, compare
from xc.evaluate.comparison.page import comparison_page

__all__ = ["Comparison", "compare", "comparison_page"]
