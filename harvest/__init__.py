"""Language models under hooks: their activations, over a text, into a store."""

from xc.harvest.config import HarvestConfig
from xc.harvest.corpus import Corpus, open_corpus
from xc.harvest.references import ModelRef, resolve_models
from xc.harvest.run import HarvestReport, harvest

__all__ = [
    "Corpus",
    "HarvestConfig",
    "HarvestReport",
    "ModelRef",
    "harvest",
    "open_corpus",
    "resolve_models",
]
