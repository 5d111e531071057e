"""The record of a run in its root: plans, commits and rounds."""
