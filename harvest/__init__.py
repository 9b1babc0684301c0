"""xc.harvest."""
