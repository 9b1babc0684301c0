"""A harvest planned: what it will take of disk, memory and time, before it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xc.harvest.config import HarvestConfig
from xc.harvest.devices import pick_device
from xc.harvest.estimate import Estimate, Extent, complaint, estimate, measured
from xc.harvest.machine import started_since
from xc.harvest.open_text import may_grow
from xc.harvest.probe import Harvest, Probe, count_rows, probe_harvest, seconds_for, wall_clock
from xc.harvest.references import ModelRef
from xc.harvest.request import asked_tokens
from xc.harvest.requested_sites import Sites, resolve_sites
from xc.harvest.room import extent_of, seq_len_of
from xc.store_schema import ActivationStore, Progress

COUNT_SECONDS = 30.0
"""That a plan spends on counting the rows of a text; of a longer text it says `up to`."""

MODEL_SECONDS = 30.0
"""That a probe spends on one model, at least two batches."""


@dataclass(frozen=True)
class HarvestPlan:
    """What a harvest will take."""

    need: Estimate
    """Bytes and memory."""
    tuples: tuple[tuple[str, ...], ...]
    """Keys of the sources as asked for together, A first."""
    seconds: float | None
    """Time in all; None if it was not measured."""
    notes: tuple[str, ...]
    """What is to be known about the figures."""
    problem: str | None
    """Why it does not fit; None if it does."""


def plan_harvest(
    config: HarvestConfig,
    *,
    models: Sequence[ModelRef],
    harvest: Harvest,
    probe_store: Path | None,
    progress: Progress,
) -> HarvestPlan:
    """Plan a harvest; with a probe, count its text and run some batches.

    Args:
        config: the request.
        models: as for the harvest.
        harvest: carries one out.
        probe_store: where the probe's store goes; the caller removes it. None: no probe.
        progress: told what goes on.

    Raises:
        RequestError: if the request cannot be met.
    """
    startup = started_since()
    device = pick_device(config.device)
    sites = resolve_sites(config, models, device)
    stored = _stored(config)
    tokens = asked_tokens(config, None if stored is None else stored.attributes)
    extent, notes = Extent(tokens, exact=False), []
    counted = None
    if stored is not None and not may_grow(stored.attributes, tokens):
        extent = extent_of(stored, stored.n_rows, exact=True)
    elif probe_store is not None:
        progress.note("counting the text …")
        counted = count_rows(
            config, harvest, tokens=tokens, seconds=COUNT_SECONDS, clock=wall_clock
        )
        extent = extent_of(stored, counted.rows, exact=counted.exact)
    if not extent.exact:
        notes.append("the text was not read to its end; it may have fewer rows")
    elif extent.rows < tokens:
        notes.append(f"the text ends after {extent.rows:,} of {tokens:,} rows")
    need = estimate(
        config, sites=sites, extent=extent, device=device,
        seq_len=seq_len_of(config, sites.models, stored),
    )  # fmt: skip
    seconds = None
    if probe_store is not None and any(s.rows for s in need.sources):
        progress.note("running some batches of each model …")
        found = probe_harvest(
            config, harvest, names=[m.ref.name for m in sites.models], store=probe_store,
            tokens=tokens, seconds=MODEL_SECONDS, clock=wall_clock,
        )  # fmt: skip
        need = _sharpened(need, found)
        seconds = seconds_for(found, _rows_to_run(need, sites), counted)
        if seconds is not None:
            seconds += startup
        else:
            notes.append("a model is too slow for the probe; no time is given")
    if need.compressible:
        notes.append("what compression saves was not measured; bytes are the most it can be")
    return HarvestPlan(need, sites.tuples, seconds, tuple(notes), complaint(config, need))


def _stored(config: HarvestConfig) -> ActivationStore | None:
    if not config.store.exists():
        return None
    return ActivationStore.open(config.store, allow_incomplete=True)


def _sharpened(need: Estimate, found: Probe) -> Estimate:
    """The estimate with the probe's sizes, as far as it came to measure them."""
    if found.text_row_bytes is None or found.text_bytes is None:
        return need
    return measured(
        need,
        text_row_bytes=found.text_row_bytes,
        text_bytes=found.text_bytes,
        sequences_per_row=found.sequences_per_row,
        saved=found.saved,
    )


def _rows_to_run(need: Estimate, sites: Sites) -> dict[str, int]:
    """By model: the rows of its neediest source, which is run to its depth."""
    rows = {}
    for model in sites.models:
        keys = sites.of_model(model)
        rows[model.ref.name] = max((s.rows for s in need.sources if s.key in keys), default=0)
    return rows
