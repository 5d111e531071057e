"""Markdown of tables and lists whose cells may hold any text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

UNKNOWN = "–"
"""Cell without a value."""


def markdown_table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of a table; the first has the headings."""
    headings, *body = lines
    return [_line(headings), _line(["---"] * len(headings)), *map(_line, body)]


def markdown_list(title: str, values: Mapping[str, str]) -> list[str]:
    """Return lines of a list of names and values, none if it is empty."""
    if not values:
        return []
    return [f"{title}:\n", *(f"- {_escaped(name)}: {values[name]}" for name in values), ""]


def number(value: float | None, digits: int) -> str:
    """Format a number, or UNKNOWN."""
    return UNKNOWN if value is None else f"{value:.{digits}f}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
