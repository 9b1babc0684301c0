"""The Hugging Face Hub: whether it answers, and its long messages in one line."""

import re

import huggingface_hub
from huggingface_hub import constants

PATIENCE_S = 5.0
"""Seconds that the Hub has to answer before it counts as unreachable."""


def reachable() -> bool:
    """Whether the Hub answers at all; at once False in offline mode."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=PATIENCE_S)
    except Exception:  # the client library, and so the type, differs between hub versions
        return False
    return True


def hub_message(error: Exception) -> str:
    """The first telling line of a Hub error, with what it most often means."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    lines = [line for line in lines if not re.match(r"\d{3} (Client|Server) Error", line)] or lines
    first = lines[0] if lines else type(error).__name__
    return f"not to be had from the Hugging Face Hub ({first})"
