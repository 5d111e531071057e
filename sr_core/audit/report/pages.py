"""The renderer of this package's page templates."""

from sr_core.page.render import Pages

PAGES = Pages("sr_core.audit.report", style="page.css", script="page.js")
"""Renders its templates; each needs `kinds`, the classes (`is-<kind>`) that filters can choose."""
