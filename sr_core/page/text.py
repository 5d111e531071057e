"""Numbers as text for readers."""

from __future__ import annotations

import math


def number(value: float | None, digits: int = 0) -> str:
    """Format a number: 1,234.5, a dash if it is undefined, the sign of infinity."""
    if value is None or math.isnan(value):
        return "\N{EN DASH}"
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def megapixels(value: float) -> str:
    """Format megapixels with a suitable prefix."""
    for limit, unit, digits in ((1e6, "TP", 1), (1e3, "GP", 1), (10, "MP", 0)):
        if value >= limit:
            return f"{number(value / (limit if limit > 10 else 1), digits)} {unit}"
    return f"{number(value, 1)} MP"


def duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{number(hours)} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def sortable(value: float | None) -> str:
    """Format a number for the script that sorts; empty if it is undefined."""
    if value is None or math.isnan(value):
        return ""
    return str(value).replace("inf", "Infinity")


def sentence(text: str) -> str:
    """Capitalise the first letter of a text."""
    return text[:1].upper() + text[1:]
