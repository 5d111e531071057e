"""Verdicts: pass, review or fail for each image of a run, by a file of rules."""
