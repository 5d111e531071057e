"""Character error rate: how much of a text is read wrongly."""

from __future__ import annotations

_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "—": "-", "–": "-"})  # noqa: RUF001


def errors(read: str, truth: str) -> int:
    """Count the characters that must be inserted, removed or replaced to get the truth.

    White space counts as single spaces, typographic quotes and dashes as plain ones.
    """
    return edit_distance(plain(read), plain(truth))


def plain(text: str) -> str:
    """Return a text with single spaces, plain quotes and plain dashes."""
    return " ".join(text.translate(_PLAIN).split())


def edit_distance(first: str, second: str) -> int:
    """Return the Levenshtein distance.

    Source: V. I. Levenshtein, 1966; row by row as R. A. Wagner and M. J. Fischer, 1974.
    """
    above = list(range(len(second) + 1))
    for row, letter in enumerate(first, start=1):
        current = [row]
        for column, other in enumerate(second, start=1):
            replaced = above[column - 1] + (letter != other)
            current.append(min(replaced, above[column] + 1, current[-1] + 1))
        above = current
    return above[-1]
