"""xc.cli."""
