"""Max-activating rows: which latents to show, their strongest rows, the tokens around them."""

from xc.evaluate.examples.find import find_examples

__all__ = ["find_examples"]
