"""Suffixes of sources: A and B are the first and the second on the command line."""


def letter(source: int) -> str:
    """Suffix of a source: a, b, c, …; aa, ab, … after z."""
    head = letter(source // 26 - 1) if source >= 26 else ""
    return head + chr(ord("a") + source % 26)
