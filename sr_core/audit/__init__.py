"""Checks and reports of a run, from its storage alone."""
