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


def turned_subject(
    values: list[float], orientation: int, width_px: int, height_px: int
) -> list[float]:
    """Return a subject's place in the upright picture: a point, a circle or a rectangle.

    Args:
        values: x and y of the centre in pixels, then a diameter, or width and height, or nothing.
        orientation: EXIF orientation that is applied.
        width_px: width of the stored picture.
        height_px: height of the stored picture.

    Source: EXIF 2.32, tags 0x9214 and 0xA214.
    """
    wide, high = turned_size(width_px, height_px, orientation)
    x, y = turned_point(values[0] / width_px, values[1] / height_px, orientation)
    sides = values[2:]
    if len(sides) == 2:
        sides = list(turned_size(sides[0], sides[1], orientation))
    return [x * wide, y * high, *sides]
