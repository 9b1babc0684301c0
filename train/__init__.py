"""xc.train."""
