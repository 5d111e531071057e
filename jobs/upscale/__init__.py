"""One run: its driver, the fleet of actors, and their share of a machine."""
