"""Templates, style sheet and script of the report page; no code."""
