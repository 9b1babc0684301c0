"""What a stage tells whoever watches it: the one channel from long work to the terminal."""

from typing import Protocol


class Progress(Protocol):
    """Receives the course of long work; the command line draws it, tests record it."""

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        """Begin a bar of `total` units (rows, tokens, steps), `done` of which exist already."""

    def advance(self, amount: int, **figures: float) -> None:
        """Move the bar on; `figures` (loss, l0, fve) are shown beside it."""

    def note(self, text: str) -> None:
        """Say one line that should stay on the screen."""

    def finish(self) -> None:
        """End the bar."""


class Silent:
    """Progress that nobody watches."""

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        """Do nothing."""

    def advance(self, amount: int, **figures: float) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""
