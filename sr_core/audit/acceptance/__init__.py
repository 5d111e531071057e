"""Acceptance of a run by a sample: the draw, the page for the reviewer, and the certificate."""
