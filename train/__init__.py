"""Crosscoders: the torch module, its losses, the shuffled stream, and a training loop."""

from xc.train.config import TrainConfig
from xc.train.crosscoder import Crosscoder
from xc.train.presets import PRESETS
from xc.train.run import TrainReport, train
from xc.train.shuffle import StreamPosition
from xc.train.stream import ShuffledStream

__all__ = [
    "PRESETS",
    "Crosscoder",
    "ShuffledStream",
    "StreamPosition",
    "TrainConfig",
    "TrainReport",
    "train",
]
