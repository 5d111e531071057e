"""Planted faults: how many of them the measures of a run find, and at what price."""
