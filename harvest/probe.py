"""How fast this machine harvests: a short real harvest beside the target, watched and extrapolated.

The probe is the harvest itself, on a few batches, so that it cannot measure anything else. What it
writes lies in a folder of its own beside the store, so that the same disk is measured, and goes
away afterwards.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from xc.harvest.config import DEFAULT_BATCH, DEFAULT_SEQ_LEN, HarvestConfig
from xc.harvest.estimate import source_cost
from xc.store_schema import ActivationStore, Progress, XcError
from xc.store_schema.places import sizes

Harvest = Callable[[HarvestConfig, Progress], object]
"""The harvest of this request's models and text under a changed configuration."""

TOKENISE = "tokenise"
"""Title under which a harvest tells of its text."""

BATCHES = 4
"""Batches of every model that a probe runs."""

_TEXT_FOLDERS = ("rows", "sequences")
_PER_SOURCE = ("activations", "statistics", "norms", "sinks", "shards")


@dataclass
class Bar:
    """One bar of progress, as it was seen."""

    title: str
    began: float
    seen: list[tuple[float, int]] = field(default_factory=list)
    """Moments, and units done since the one before."""
    ended: float | None = None
    unit: str = ""
    """What it counts: rows, steps, …"""

    @property
    def units(self) -> int:
        """Units done."""
        return sum(n for _, n in self.seen)

    @property
    def rate(self) -> float | None:
        """Units a second, the first step, which warms up, left out; None from fewer than two."""
        if len(self.seen) < 2:
            return None
        return (self.units - self.seen[0][1]) / max(self.seen[-1][0] - self.seen[0][0], 1e-9)


class TimeUp(BaseException):
    """Ends a stage that is only being watched; no stage catches it."""


class Watch:
    """Progress that notes moments, and ends a bar that takes too long or has been seen enough."""

    def __init__(
        self, clock: Callable[[], float], *, seconds: float, stop_after: str | None = None
    ) -> None:
        """Watch.

        Args:
            clock: seconds.
            seconds: that a bar may take.
            stop_after: title of the bar whose end is the end of all.
        """
        self._clock, self._seconds, self._stop_after = clock, seconds, stop_after
        self.bars: list[Bar] = []

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        """Begin a bar."""
        self.bars.append(Bar(title, self._clock(), unit=unit))

    def advance(self, amount: int, **figures: float) -> None:
        """Note it; enough may be enough."""
        bar, now = self.bars[-1], self._clock()
        bar.seen.append((now, amount))
        if now - bar.began > self._seconds and (len(bar.seen) > 1 or bar.title == TOKENISE):
            raise TimeUp

    def note(self, text: str) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """End a bar."""
        if self.bars and self.bars[-1].ended is None:
            self.bars[-1].ended = self._clock()
            if self.bars[-1].title == self._stop_after:
                raise TimeUp

    def bar(self, title: str) -> Bar | None:
        """The last bar whose title begins so."""
        return next((b for b in reversed(self.bars) if b.title.startswith(title)), None)


@dataclass(frozen=True)
class Counted:
    """What a look at the text gave."""

    rows: int
    """Rows that the text gives, at most those asked for."""
    exact: bool
    """Whether it was read to its end, or to what is asked for."""
    rate: float
    """Rows a second."""


def count_rows(
    config: HarvestConfig,
    harvest: Harvest,
    *,
    tokens: int,
    seconds: float,
    clock: Callable[[], float],
) -> Counted:
    """Read and tokenise the text as a harvest of so many rows would, for so long."""
    watch = Watch(clock, seconds=seconds, stop_after=TOKENISE)
    began = clock()
    with beside(config.store) as folder:
        ended = _watched(watch, lambda: harvest(_probe(config, folder, tokens), watch))
    bar = watch.bar(TOKENISE)
    if bar is None:
        raise XcError(f"{config.store}: the text could not be read") from ended
    whole = bar.ended is not None
    rate = bar.units / max(clock() - max(bar.began, began), 1e-9)
    return Counted(bar.units if whole else tokens, whole, rate)


@dataclass(frozen=True)
class Probe:
    """What a short harvest measured."""

    seconds_fixed: float
    """Seconds that do not grow with the rows: reading weights, sealing."""
    rates: dict[str, float]
    """Rows a second by name of model, writing included; without those that were too slow."""
    sequences_per_row: float | None
    """Sequences that a row takes."""
    text_row_bytes: float | None
    """Bytes of the text and the row table per row."""
    text_bytes: int | None
    """Bytes of the vocabulary and the metadata of the text."""
    saved: dict[str, float]
    """By source: bytes of activations in relation to the most that their codec can need."""


def probe_harvest(
    config: HarvestConfig,
    harvest: Harvest,
    *,
    names: Sequence[str],
    store: Path,
    tokens: int,
    seconds: float,
    clock: Callable[[], float],
) -> Probe:
    """Harvest a few batches and measure.

    Args:
        config: the request.
        harvest: carries one out.
        names: of the models, as in source keys.
        store: where the probe's store goes; the caller removes it.
        tokens: rows of the harvest.
        seconds: that a model may take.
        clock: seconds.
    """
    rows = min(probe_rows(config), tokens)
    watch = Watch(clock, seconds=seconds)
    began = clock()
    _watched(watch, lambda: harvest(_probe(config, store, rows), watch))
    bars = {name: watch.bar(f"{name},") for name in names}
    rates = {n: bar.rate for n, bar in bars.items() if bar is not None and bar.rate is not None}
    running = sum(b.seen[-1][0] - b.began for b in watch.bars if b.seen)
    fixed = max(0.0, clock() - began - running)
    found = sizes(store) if store.exists() else {}
    return Probe(fixed, rates, *_text_sizes(store, found), _saved(config, store, found))


def probe_rows(config: HarvestConfig) -> int:
    """Rows of a probe: a few batches."""
    seq_len = config.seq_len or DEFAULT_SEQ_LEN
    return BATCHES * (config.batch_size or DEFAULT_BATCH) * seq_len


@contextmanager
def beside(store: object) -> Iterator[Path]:
    """A place for a probe's store, on the target's disk if that is here; gone afterwards."""
    near = Path(store).expanduser().absolute().parent if isinstance(store, Path) else None
    while near is not None and not near.exists():
        near = near.parent
    try:
        folder = Path(tempfile.mkdtemp(prefix=".xc-probe-", dir=near))
    except OSError as error:
        raise XcError(
            f"{near}: no place for a probe ({error.strerror}); see that it can be written"
        ) from error
    try:
        yield folder / "probe.zarr"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def seconds_for(found: Probe, missing: dict[str, int], counted: Counted | None) -> float | None:
    """Seconds of a whole harvest; None if a model was too slow to be measured.

    Args:
        found: by the probe.
        missing: by model's name, rows that it has to run.
        counted: of the text; None if it is written already.
    """
    if any(rows and name not in found.rates for name, rows in missing.items()):
        return None
    running = sum(rows / found.rates[name] for name, rows in missing.items() if rows)
    tokenising = counted.rows / counted.rate if counted is not None else 0.0
    return tokenising + running + found.seconds_fixed


def _probe(config: HarvestConfig, store: Path, rows: int) -> HarvestConfig:
    """The request, small, alone, and without being held up."""
    chunk = min(config.chunk_rows, 1024)
    shard = max(chunk, min(config.shard_rows, rows // 2) // chunk * chunk)
    return replace(
        config, store=store, tokens=rows, worker=None, workers=1, max_disk=None, force=True,
        chunk_rows=chunk, shard_rows=shard,
    )  # fmt: skip


def _watched(watch: Watch, work: Callable[[], object]) -> BaseException | None:
    try:
        work()
    except TimeUp as ended:
        return ended
    return None


def _text_sizes(
    store: Path, found: dict[str, int]
) -> tuple[float | None, float | None, int | None]:
    if not found:
        return None, None, None
    opened = ActivationStore.open(store, allow_incomplete=True)
    growing = sum(n for name, n in found.items() if _grows(name))
    fixed = sum(
        n
        for name, n in found.items()
        if not _grows(name) and not name.startswith(_PER_SOURCE) and name != "manifest.json"
    )
    return opened.sequences.n / opened.n_rows, growing / opened.n_rows, fixed


def _grows(name: str) -> bool:
    return name.startswith(_TEXT_FOLDERS) and not name.endswith("zarr.json")


def _saved(config: HarvestConfig, store: Path, found: dict[str, int]) -> dict[str, float]:
    """Of sources that were written whole: their size beside the most that it could be."""
    if not found:
        return {}
    opened = ActivationStore.open(store, allow_incomplete=True)
    layout = replace(config, chunk_rows=opened.chunk_rows, shard_rows=opened.shard_rows)
    saved = {}
    for source in opened.sources:
        prefix = f"activations/{source.key}/c/"
        size = sum(n for name, n in found.items() if name.startswith(prefix))
        most = source_cost(
            layout, source.key, source.d_model, rows=opened.n_rows, of=opened.n_rows
        ).activations
        if not opened.missing_shards(source.key):
            saved[source.key] = size / most
    return saved


def wall_clock() -> float:
    """Seconds, for probes on a real machine."""
    return time.perf_counter()
