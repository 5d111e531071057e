"""Positions in a picture, moved with its pixels when the EXIF orientation is applied."""

from __future__ import annotations


def turned_point(x: float, y: float, orientation: int) -> tuple[float, float]:
    """Return where a point of the stored picture is in the upright one; sides have length 1.

    Source: EXIF 2.32, tag 0x0112.
    """
    if orientation >= 5:
        x, y = y, x
    if orientation in (3, 4, 7, 8):
        y = 1 - y
    if orientation in (2, 3, 6, 7):
        x = 1 - x
    return x, y


def turned_size(width: float, height: float, orientation: int) -> tuple[float, float]:
    """Return the size of an area in the upright picture."""
    return (height, width) if orientation >= 5 else (width, height)
