"""Evaluation of upscalers: against known HR, by judges, and by how well their print is read."""
