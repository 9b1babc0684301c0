"""Sentences as HTML: what stands between backticks becomes code, and all else stays text."""

import re

from markupsafe import Markup, escape

from xc.evaluate.report.words import visible

_CODE = re.compile(r"`([^`]+)`")
_BEFORE_OPTION = re.compile(r" (?=-)")


def prose(text: str) -> Markup:
    """A sentence, escaped, with its `code` as an element; a backtick without partner stays."""
    shown = str(escape(visible(text)))
    return Markup(_CODE.sub(lambda found: f"<code>{_unbroken(found[1])}</code>", shown))


def plain(text: str) -> str:
    """The same for hints, in which no element can stand: without the backticks."""
    return _CODE.sub(r"\1", visible(text))


def typed(command: str) -> Markup:
    """A command, escaped; no line ends within an option, or between it and its value."""
    return Markup(_unbroken(str(escape(visible(command)))))


def _unbroken(code: str) -> str:
    """Escaped code; browsers may end a line behind any hyphen where nothing forbids it."""
    parts = _BEFORE_OPTION.split(code)
    return " ".join(f'<span class="unbroken">{p}</span>' if "-" in p else p for p in parts)
