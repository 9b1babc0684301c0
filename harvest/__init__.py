"""Language models under hooks: their activations, over a text, into a store."""

from xc.harvest.config import HarvestConfig
from xc.harvest.corpus import Corpus, open_corpus
from xc.harvest.references import ModelRef, resolve_models
from xc.harvest.run import HarvestReport, harvest
from xc.harvest.splice import SplicedLoss, spliced_loss

__all__ = [
    "Corpus",
    "HarvestConfig",
    "HarvestReport",
    "ModelRef",
    "SplicedLoss",
    "harvest",
    "open_corpus",
    "resolve_models",
    "spliced_loss",
]
