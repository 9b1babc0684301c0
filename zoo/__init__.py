"""The zoo: small embedded language models, the corpora they were made from, and their makers."""

from xc.zoo.card import read_card
from xc.zoo.corpora import CORPORA, Corpus, Document, corpus, documents, fingerprint
from xc.zoo.models import MODELS, ZooModel, model, model_folder

__all__ = [
    "CORPORA",
    "MODELS",
    "Corpus",
    "Document",
    "ZooModel",
    "corpus",
    "documents",
    "fingerprint",
    "model",
    "model_folder",
    "read_card",
]
