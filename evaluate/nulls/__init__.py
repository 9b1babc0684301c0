"""Null controls: data in which nothing, or only what was planted, can be found."""
