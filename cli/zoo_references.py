"""`zoo:NAME` as a model or a data set: the one place where the harvester meets the zoo."""

from collections.abc import Sequence

from xc.harvest import Corpus, ModelRef, open_corpus, resolve_models
from xc.zoo import corpora, models

PREFIX = "zoo:"


def find_models(references: Sequence[str]) -> tuple[ModelRef, ...]:
    """Model references of the command line, in their order, embedded ones included."""
    others = iter(resolve_models([r for r in references if not r.startswith(PREFIX)]))
    return tuple(_embedded(r) if r.startswith(PREFIX) else next(others) for r in references)


def find_corpus(reference: str, *, text_column: str | None) -> Corpus:
    """The data set of the command line."""
    if not reference.startswith(PREFIX):
        return open_corpus(reference, text_column=text_column)
    name = reference.removeprefix(PREFIX)
    return Corpus(
        name=reference,
        fingerprint=corpora.fingerprint(name),
        documents=lambda: corpora.documents(name),
    )


def _embedded(reference: str) -> ModelRef:
    name = reference.removeprefix(PREFIX)
    return ModelRef(reference, f"zoo-{name}", models.model_folder(name))
