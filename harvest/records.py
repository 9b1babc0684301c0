"""Records of a data set: which column is the text, and chat messages as text."""

from collections.abc import Mapping, Sequence
from typing import Any

from xc.store_schema import RequestError, suggestion

TEXT_COLUMNS = (
    "text",
    "content",
    "messages",
    "conversations",
    "conversation",
    "chosen",
    "document",
    "prompt",
)
"""Columns that hold the text in public data sets, the likeliest first."""

SPEAKERS = {
    "user": "User",
    "human": "User",
    "prompter": "User",
    "assistant": "Assistant",
    "gpt": "Assistant",
    "bot": "Assistant",
    "model": "Assistant",
    "chatgpt": "Assistant",
}
"""Role names of public chat data sets, by how they are written out; others are capitalised."""


def choose_column(columns: Sequence[str], wanted: str | None, *, where: str) -> str:
    """The column that holds the text.

    Raises:
        RequestError: if the wanted one, or any known one, is not there.
    """
    if wanted is not None:
        if wanted not in columns:
            raise RequestError(f"{where}: no column '{wanted}'{suggestion(wanted, columns)}")
        return wanted
    for column in TEXT_COLUMNS:
        if column in columns:
            return column
    raise RequestError(
        f"{where}: no text in columns {', '.join(columns) or '(none)'}; "
        "name the right one with --text-column"
    )


def text_of(value: Any, *, where: str) -> str:
    """A column's value as text: a string, or chat messages; nothing is an empty document.

    Raises:
        RequestError: if it is neither.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and all(isinstance(m, Mapping) for m in value):
        return render_chat(value, where=where)
    raise RequestError(
        f"{where}: expected text or chat messages, found {type(value).__name__}; "
        "name another column with --text-column"
    )


def render_chat(messages: Sequence[Mapping[str, Any]], *, where: str) -> str:
    r"""Messages as plain text: `User: …\nAssistant: …\n`, the form of Kissane's pile-lmsys mix.

    Raises:
        RequestError: if a message has no role or no content.
    """
    return "".join(_turn(message, where) for message in messages)


def _turn(message: Mapping[str, Any], where: str) -> str:
    role, content = (
        next((message[name] for name in names if isinstance(message.get(name), str)), None)
        for names in (("role", "from"), ("content", "value"))
    )
    if role is None or content is None:
        raise RequestError(
            f"{where}: expected messages with role and content, found keys {', '.join(message)}"
        )
    return f"{SPEAKERS.get(role.lower(), role.capitalize())}: {content}\n"
