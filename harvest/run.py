"""The harvest: tokens first, then each model once over the stored text, then the seal."""

import os
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch

from xc.harvest.config import HarvestConfig
from xc.harvest.corpus import Corpus
from xc.harvest.devices import pick_device
from xc.harvest.loading import batch_size, load
from xc.harvest.mended import Promised, mended, wrong_files
from xc.harvest.mixture import Mixture
from xc.harvest.model_pass import run_pass
from xc.harvest.models import Model
from xc.harvest.open_text import Text
from xc.harvest.own_bos import beginning
from xc.harvest.provenance import command_line
from xc.harvest.references import ModelRef
from xc.harvest.requested_sites import Sites, resolve_sites, resolved
from xc.harvest.room import check_room
from xc.harvest.rows import StoredText
from xc.harvest.text_tokenizer import TextTokenizer, shared_tokenizer
from xc.harvest.workers import Worker, part, worker_of
from xc.store_schema import ActivationStore, Progress, Source, StoreWriter, XcError
from xc.store_schema.places import Place


@dataclass(frozen=True)
class HarvestReport:
    """What a harvest left on disk."""

    path: Place
    """The store."""
    rows: int
    """Rows of every source."""
    sources: tuple[Source, ...]
    """Sources that this request named, each once, first-named first."""
    tuples: tuple[tuple[str, ...], ...]
    """Their keys as they were asked for together, A first."""
    written: int
    """Shards that this call computed; 0 if there was nothing to do."""


def harvest(
    config: HarvestConfig,
    *,
    models: Sequence[ModelRef],
    corpus: Corpus | Mixture,
    progress: Progress,
    command: Sequence[str] = (),
) -> HarvestReport:
    """Run language models over a text and store their residual streams.

    What the store holds already is not computed again: an interrupted harvest goes on, and a
    complete one takes further layers and models on the same text.

    Args:
        config: what to do.
        models: one per site of each tuple, A first; the same one may come twice.
        corpus: the text, of one data set or of several.
        progress: told of every row.
        command: the words typed, for the record.

    Raises:
        RequestError: if the request cannot be met, before any model runs.
        NumericalError: on a NaN or infinity.
        XcError: if memory or disk run out underway.
    """
    worker = worker_of(config.worker, workers=config.workers, environment=os.environ)
    device = pick_device(config.device, place=_place_of(worker))
    sites = resolve_sites(config, models, device)
    tokenizer = shared_tokenizer(sites.models, chat_template=config.chat_template)
    mixture = corpus if isinstance(corpus, Mixture) else Mixture.of(corpus)
    text = Text(config, sites, mixture, tokenizer, command, progress)
    wrong = wrong_files(config.store, read=config.repair)  # before opening mends some of them
    work = Work(config, sites, tokenizer, device, worker, command_line(command), progress, wrong)
    with closing(text.open()) as writer:
        written = work.fill(writer)
        return HarvestReport(config.store, writer.n_rows, sites.sources, sites.tuples, written)


@dataclass(frozen=True)
class Work:
    """What is to be done once the text is there."""

    config: HarvestConfig
    sites: Sites
    tokenizer: TextTokenizer
    device: torch.device
    worker: Worker | None
    """Which of several processes this is."""
    command: str
    """What was typed, for the record."""
    progress: Progress
    wrong: Promised
    """Files that were gone or damaged before the store was opened."""

    def fill(self, writer: StoreWriter) -> int:
        """Write what the store lacks of the sources, and seal it; the number of shards written."""
        sites = self.sites
        mine = {source.key for source in sites.sources}
        _discard_damaged(self.config, writer, mine, self.progress)
        if _holds(writer, sites):
            if self.config.repair:
                writer.seal()  # sinks, means and the manifest, should they be damaged
            self._say_what_was_mended(otherwise=f"nothing to do: {writer.path} holds all of it")
            return 0
        stored = ActivationStore.open(self.config.store, allow_incomplete=True)
        check_room(self.config, sites, rows=writer.n_rows, stored=stored)
        writer.add_sources(
            sites.sources, codec=self.config.codec, tuples=sites.tuples, command=self.command
        )
        for source in sites.sources:
            self.progress.note(resolved(source, sites.models))
        written = sum(self._run_model(model, writer) for model in sites.models)
        if not writer.seal_if_whole():
            _say_what_is_missing(writer, sites, self.worker, self.progress)
        self._say_what_was_mended()
        return written

    def _say_what_was_mended(self, *, otherwise: str | None = None) -> None:
        store = self.config.store
        if names := mended(store, self.wrong):
            self.progress.note(f"repaired in {store} what was gone or damaged: {names}")
        elif otherwise:
            self.progress.note(otherwise)

    def _run_model(self, model: Model, writer: StoreWriter) -> int:
        """Run a model if it lacks shards of this process; in memory only meanwhile."""
        mine = part(writer.n_shards, self.worker)
        places = self.sites.of_model(model)
        if not any(index in mine for key in places for index in writer.missing(key)):
            return 0
        store = ActivationStore.open(writer.path, allow_incomplete=True)
        seq_len = int(writer.attributes["config"]["seq_len"])
        at_once = batch_size(self.config, model, seq_len=seq_len, device=self.device)
        adapt = beginning(writer.attributes, self.tokenizer.bos[model.ref.name], model)
        return run_pass(
            load(self.config, model, places, self.device),
            StoredText(store, budget=at_once * seq_len, adapt=adapt),
            writer,
            codec=self.config.codec,
            progress=self.progress,
            shards=dict.fromkeys(places, mine),
            known={key: writer.tail(key) for key in places},
        )


def _place_of(worker: Worker | None) -> int | None:
    """Number of a worker on its machine: torchrun tells; by hand all are taken to be on one."""
    local = os.environ.get("LOCAL_RANK", "")
    if worker is None:
        return None
    return int(local) if local.isdigit() else worker.number - 1


def _discard_damaged(
    config: HarvestConfig, writer: StoreWriter, mine: Collection[str], progress: Progress
) -> None:
    """Shards that are not as they were written are removed, to be written again.

    Of a store that has all its shards every byte is read; of one underway, and where repair is
    off, only sizes are looked at. A complete store keeps those of sources that are not asked for:
    nobody would write them now, and what is intact in them can still be read.
    """
    complete = bool(writer.attributes["complete"])
    whole = complete or not any(writer.missing(key) for key in writer.keys)
    for key in writer.keys:
        damaged = writer.damaged(key, read=config.repair and whole, progress=progress)
        if not damaged:
            continue
        which = f"shard{'s' if len(damaged) > 1 else ''} {', '.join(map(str, damaged))} damaged"
        if complete and key not in mine:
            progress.note(f"{key}: {which}; harvest this source again to have that mended")
        else:
            progress.note(f"{key}: {which}; written again")
            writer.discard(key, damaged)


def _holds(writer: StoreWriter, sites: Sites) -> bool:
    """Whether a store is sealed and has all that is asked for; then it is not even touched."""
    stored = writer.attributes
    return (
        bool(stored["complete"])
        and all(source.to_dict() in stored["sources"] for source in sites.sources)
        and all(list(keys) in stored["tuples"] for keys in sites.tuples)
        and not any(writer.missing(source.key) for source in sites.sources)
    )


def _say_what_is_missing(
    writer: StoreWriter, sites: Sites, worker: Worker | None, progress: Progress
) -> None:
    """A worker leaves the rest to the others; alone, sources of earlier harvests lack shards.

    Raises:
        XcError: if there is nobody else who would write them.
    """
    missing = {key: len(found) for key in writer.keys if (found := writer.missing(key))}
    if worker is not None:
        progress.note(
            f"worker {worker} is done; {sum(missing.values())} shards are left to others, the last "
            "of whom seals the store (a plain `xc harvest` does so too)"
        )
        return
    mine = {source.key for source in sites.sources}
    for key, n in missing.items():
        if key not in mine:
            raise XcError(
                f"{writer.path}: what was asked for is written, but {key} of an earlier, "
                f"interrupted harvest lacks {n} of {writer.n_shards} shards; "
                "harvest it to the end too, and the store is complete"
            )
    writer.seal()
