"""The Ray cluster: connecting to it, and checking a machine."""
