"""xc.evaluate."""
