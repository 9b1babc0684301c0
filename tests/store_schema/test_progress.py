"""The channel to the terminal: anything with these four methods will do."""

import inspect

from xc.store_schema import Progress, Silent


def test_silence_follows_the_protocol() -> None:
    watched: Progress = Silent()
    watched.start("title", 3, "rows", done=1)
    watched.advance(1, loss=0.5)
    watched.note("a line")
    watched.finish()
    for name in ("start", "advance", "note", "finish"):
        assert inspect.signature(getattr(Silent, name)) == inspect.signature(
            getattr(Progress, name)
        )
