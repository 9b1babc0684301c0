"""The section on more than two sources: where latents are, where they peak, where they are born."""

from dataclasses import dataclass

from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import interval, number, two, whole

_COLUMNS = (
    ("n_present", "Present", "their decoder norm is at least half the latent's largest"),
    ("n_peak", "Largest", "their decoder norm is largest here"),
    ("n_birth_10", "Born, 10 %", "the first source with a tenth of the latent's largest norm"),
    ("n_birth_50", "Born, 50 %", "the first source with half of the latent's largest norm"),
)


@dataclass(frozen=True)
class Profiles:
    """What the section shows."""

    heads: tuple[tuple[str, str], ...]
    """Title and hint of each column."""
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Letter and name of each source, and its counts."""
    persistence: tuple[tuple[int, str], ...]
    """Number of sources, and how many latents are present in so many."""
    mean: str
    """Of persistence."""
    bounds: str
    """Its interval."""


def profiles(data: ReportData) -> Profiles | None:
    """None for one or two sources, where relative norms tell all of it, or if nothing is known."""
    if len(data.sources) < 3 or data.summary.get("persistence_mean") is None:
        return None
    found = data.summary
    n = len(data.sources)
    return Profiles(
        heads=tuple((title, hint) for _, title, hint in _COLUMNS),
        rows=tuple(
            (
                source.title,
                source.name,
                tuple(number(found.get(f"{key}_{source.letter}"), whole) for key, _, _ in _COLUMNS),
            )
            for source in data.sources
        ),
        persistence=tuple(
            (k, number(found.get(f"n_persistence_{k}"), whole)) for k in range(1, n + 1)
        ),
        mean=number(found["persistence_mean"], two),
        bounds=interval(found.get("persistence_mean_ci"), two),
    )
