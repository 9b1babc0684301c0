"""Numbers of things in messages: one document, two documents."""


def plural(n: int, what: str) -> str:
    """`1 document`, `1,200 documents`; `what` is one of them."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"
