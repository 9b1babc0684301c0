"""A store with the text that is asked for: made, found, mended, or made longer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xc.harvest.config import HarvestConfig
from xc.harvest.mixture import Mixture
from xc.harvest.provenance import provenance, with_command
from xc.harvest.request import TextRequest, asked_tokens, check_same_text, text_request
from xc.harvest.requested_sites import Sites
from xc.harvest.room import check_room
from xc.harvest.text_growth import longer_text
from xc.harvest.text_plan import plan_text
from xc.harvest.text_tokenizer import TextTokenizer
from xc.store_schema import ActivationStore, Progress, RequestError, StorePlan, StoreWriter
from xc.store_schema.places import Place, has_file
from xc.store_schema.source import check_new_key
from xc.store_schema.stored_plan import stored_plan
from xc.store_schema.zarr_group import METADATA, open_group


@dataclass(frozen=True)
class Text:
    """What is asked of a store's text, and where it comes from."""

    config: HarvestConfig
    sites: Sites
    mixture: Mixture
    tokenizer: TextTokenizer
    command: Sequence[str]
    """The words typed, for the record."""
    progress: Progress

    def open(self) -> StoreWriter:
        """The store with its text: the one on disk if it is the right one, else a new one.

        Raises:
            RequestError: if a store of another text is there, or the text holds no rows.
            XcError: if the disk refuses.
        """
        if not has_file(self.config.store / METADATA):
            return self._create()
        writer = StoreWriter.open(self.config.store)
        try:
            self._prepare(writer)
        except BaseException:
            writer.close()
            raise
        return writer

    def _prepare(self, writer: StoreWriter) -> None:
        """See that a store holds the text that is asked for; mend it, or make it longer."""
        request = text_request(self.config, self.sites.models, writer.attributes)
        check_same_text(
            self.config.store,
            writer.attributes,
            request=request,
            corpus=self.mixture,
            tokenizer=self.tokenizer,
        )
        text = replace(self, tokenizer=self.tokenizer.as_in(writer.attributes))
        if self.config.repair:
            text._mend(writer, request)
        if may_grow(writer.attributes, request.tokens):
            text._grow(writer, request)

    def _create(self) -> StoreWriter:
        _refuse_taken(self.config.store)  # now: reading the text may take minutes
        for source in self.sites.sources:
            check_new_key(source.key)
        request = text_request(self.config, self.sites.models, None)
        plan = plan_text(request, self.mixture, self.tokenizer, self.progress)
        self._say_if_short(plan, request)
        plan = replace(plan, provenance=provenance(self.command))
        check_room(self.config, self.sites, rows=plan.n_rows)
        return StoreWriter.create(self.config.store, plan, join=True)

    def _mend(self, writer: StoreWriter, request: TextRequest) -> None:
        """Write damaged files of the text again; the corpus is read once more for that."""
        files = writer.damaged_text()
        if not files or "segments" not in writer.attributes:
            return
        self.progress.note(f"the store's text is damaged ({', '.join(files)}); written again")
        first, *more = writer.attributes["segments"]
        asked = replace(request, tokens=first["tokens"])
        plan = plan_text(asked, self.mixture, self.tokenizer, self.progress)
        for segment in more:
            plan = self._longer(plan, replace(request, tokens=segment["tokens"]))
        writer.rewrite_text(plan)

    def _grow(self, writer: StoreWriter, request: TextRequest) -> None:
        self._refuse_to_leave_behind(writer, request)
        self.progress.note(
            f"{writer.path} grows from {writer.n_rows:,} to {request.tokens:,} rows; runs that "
            "were trained on it can then neither go on nor be evaluated on it (another --store "
            "leaves them theirs)"
        )
        stored = ActivationStore.open(writer.path, allow_incomplete=True)
        before = stored_plan(stored)
        plan = self._longer(before, request)
        self._say_if_short(plan, request)
        if plan.n_rows > before.n_rows:
            check_room(self.config, self.sites, rows=plan.n_rows, stored=stored)
            record = with_command(before.provenance, self.command)
            writer.extend(replace(plan, provenance=record))

    def _refuse_to_leave_behind(self, writer: StoreWriter, request: TextRequest) -> None:
        mine = {source.key for source in self.sites.sources}
        if others := [key for key in writer.keys if key not in mine]:
            raise RequestError(
                f"{writer.path} holds {writer.n_rows} rows, also of {', '.join(others)}, which "
                f"would lack the rows up to {request.tokens}; ask for these sources too, or for "
                f"--tokens {writer.n_rows}"
            )

    def _longer(self, plan: StorePlan, request: TextRequest) -> StorePlan:
        return longer_text(plan, request, self.mixture, self.tokenizer, self.progress)

    def _say_if_short(self, plan: StorePlan, request: TextRequest) -> None:
        if plan.n_rows < request.tokens:
            self.progress.note(f"the text ends after {plan.n_rows} of {request.tokens} rows")


def may_grow(stored: Mapping[str, Any], tokens: int) -> bool:
    """Whether more rows are asked for than the store has, and the text may have them.

    Args:
        stored: the store's attributes.
        tokens: rows asked for.
    """
    if not stored.get("segments") or tokens <= int(stored["n_rows"]):
        return False
    return not all(part.get("ended") for part in stored["corpus"].get("parts", [{}]))


def _refuse_taken(store: Place) -> None:
    """Refuse a file or folder that is no store, which may have come into being just now.

    Raises:
        RequestError: if there is one.
    """
    if isinstance(store, Path) and store.exists() and not has_file(store / METADATA):
        raise RequestError(f"{store} is there, and is no activation store; choose another --store")


def has_text(config: HarvestConfig) -> bool:
    """Whether a store is there and needs no more text, so that others may begin to fill it."""
    if not has_file(config.store / METADATA):
        return False
    stored = dict(open_group(config.store, "r").attrs)
    return not may_grow(stored, asked_tokens(config, stored))
