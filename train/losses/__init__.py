"""What a training step minimises, one term a file."""

from xc.train.losses.auxk import Spread, auxk
from xc.train.losses.penalty import penalty, tanh_penalty
from xc.train.losses.reconstruction import RECONSTRUCTIONS

__all__ = ["RECONSTRUCTIONS", "Spread", "auxk", "penalty", "tanh_penalty"]
