"""The figures and the one self-contained HTML page that show a finished evaluation to people."""

from xc.evaluate.report.data import Evaluated
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.figures import FIGURES
from xc.evaluate.report.write import write_report

__all__ = ["FIGURES", "Evaluated", "Figure", "write_report"]
