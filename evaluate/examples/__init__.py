"""Max-activating rows: which latents to show, their strongest rows, the tokens around them."""

from xc.evaluate.examples.collect import KIND as EXAMPLES
from xc.evaluate.examples.find import find_examples

__all__ = ["EXAMPLES", "find_examples"]
