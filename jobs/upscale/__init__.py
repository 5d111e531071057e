"""One run: planning, driving, the fleet of actors and their share of a machine."""
