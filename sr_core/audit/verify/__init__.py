"""Checks of a finished run against its checksums and counts."""
