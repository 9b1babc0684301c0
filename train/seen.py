"""What rows a run has seen, and how well they were mixed: `stream.json`, and words about it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from xc.store_schema import RunLayout, canonical_json
from xc.store_schema.atomic import put_if_changed
from xc.train.mixing import BAR
from xc.train.stream import ShuffledStream


@dataclass(frozen=True)
class Seen:
    """The rows of a run."""

    tokens: int
    """Rows trained on, each time counted."""
    rows: int
    """Train rows of the store that take part: an epoch."""
    unique_rows: int
    """Those among them that were seen at least once."""
    epochs: float
    """Tokens in units of an epoch."""
    windows: int
    """Parts of an epoch that are in memory at a time."""
    reads: int
    """Times that rows are read for once that they are trained on, at most."""
    mixing: float | None
    """Pairs of rows of one sequence in a batch, over those of a global shuffle."""

    def write(self, run: RunLayout) -> None:
        """Put it beside the run's other files."""
        put_if_changed(run.stream, canonical_json(asdict(self)).encode())


def seen(stream: ShuffledStream, tokens: int) -> Seen:
    """What the first `tokens` rows of a stream were: an epoch shows each row once."""
    return Seen(
        tokens=tokens,
        rows=stream.n_rows,
        unique_rows=min(tokens, stream.n_rows),
        epochs=tokens / stream.n_rows,
        windows=stream.shuffle.n_windows,
        reads=stream.shuffle.n_strips,
        mixing=stream.mixing,
    )


def notes_on(stream: ShuffledStream) -> Iterator[str]:
    """What is to be said of windows: that rows are read several times, or mixed badly."""
    n, reads = stream.shuffle.n_windows, stream.shuffle.n_strips
    if reads > 1:
        yield (
            f"an epoch takes {n} windows, and rows are read {reads} times so that texts are mixed; "
            "a larger window_mb reads less"
        )
    if stream.mixing is not None and stream.mixing > BAR:
        yield (
            f"warning: a batch holds {stream.mixing:.2f} times the pairs of one text that a global "
            f"shuffle has, as an epoch takes {n} windows; {_remedy(stream)}"
        )


def _remedy(stream: ShuffledStream) -> str:
    enough = stream.reads_to_mix()
    if enough is None:
        return "a larger window_mb mixes better, more window_reads or a smaller batch_size too"
    times = enough // stream.shuffle.n_strips
    return (
        f"window_reads {enough} mixes them, about {times} times the window_mb too, or a smaller "
        "batch_size"
    )
