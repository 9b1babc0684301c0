"""Language models under hooks: their activations, over a text, into a store."""

from xc.harvest.config import HarvestConfig
from xc.harvest.corpus import Corpus
from xc.harvest.mixture import Mixture
from xc.harvest.open_dataset import open_dataset, open_mixture
from xc.harvest.references import ModelRef, resolve_models
from xc.harvest.run import HarvestReport, harvest
from xc.harvest.splice import SplicedLoss, spliced_dtype, spliced_loss

__all__ = [
    "Corpus",
    "HarvestConfig",
    "HarvestReport",
    "Mixture",
    "ModelRef",
    "SplicedLoss",
    "harvest",
    "open_dataset",
    "open_mixture",
    "resolve_models",
    "spliced_dtype",
    "spliced_loss",
]
