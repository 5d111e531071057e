"""Damaged pages: refused, or kept with the undecoded parts marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.raster import Damage, Raster
from sr_core.imaging.pixels import Box, Page, paint_blank

_MOST_LISTED = 4
_LARGEST_SHARE = 0.999
"""Share of a damaged file of which everything could be decoded."""


def decoded_share(rasters: Sequence[Raster]) -> float | None:
    """Return the share of a file that was decoded; None if all of it was.

    It is the share of the pixels; pixels of which only a part of the detail was decoded, as in a
    progressive JPEG, count with that part.
    """
    if all(raster.damage is None for raster in rasters):
        return None
    share = sum(_decoded_px(raster) for raster in rasters) / sum(map(_pixels, rasters))
    return min(share, _LARGEST_SHARE)


def check_damage(rasters: Sequence[Raster], *, salvage: bool) -> list[str]:
    """Refuse damaged pages, or describe the damage if it is to be salvaged.

    Returns: warnings for the row.
    Raises: ImageError with class decode.
    """
    share = decoded_share(rasters)
    damages = [raster.damage for raster in rasters]
    reasons = [damage.reason for damage in damages if damage is not None]
    if share is None:
        return []
    if share <= 0:
        raise ImageError(ErrorClass.DECODE, f"{reasons[0]}; nothing of it can be decoded")
    if not salvage:
        raise ImageError(
            ErrorClass.DECODE,
            f"{reasons[0]}; {percent(share)} of it can be decoded, which --salvage keeps",
        )
    return [
        _described(damage, index if len(rasters) > 1 else None, share)
        for index, damage in enumerate(damages)
        if damage is not None
    ]


def percent(share: float) -> str:
    """Write a share without rounding it up to the whole."""
    return f"{max(0.1, 100 * share):.1f} %"


def marked(page: Page, raster: Raster) -> Page:
    """Return an upright page with its undecoded parts marked by grey, in place."""
    if raster.damage is None or not raster.damage.boxes:
        return page
    height, width = raster.samples.shape[:2]
    blank = tuple(_turned(box, raster.orientation, height, width) for box in raster.damage.boxes)
    page = replace(page, blank=blank)
    paint_blank(page)
    return page


def _described(damage: Damage, page: int | None, share: float) -> str:
    where = "" if page is None else f"page {page + 1}: "
    text = f"salvaged: {where}{damage.reason}; {percent(share)} of the file was decoded"
    if damage.boxes:
        rows = [f"{box[0]} to {box[1] - 1}" for box in damage.boxes[:_MOST_LISTED]]
        more = len(damage.boxes) - len(rows)
        listed = ", ".join(rows) + (f" and {more} more parts" if more else "")
        text += f"; rows {listed} of the stored picture are grey"
    return text


def _pixels(raster: Raster) -> int:
    return math.prod(raster.samples.shape[:2])


def _decoded_px(raster: Raster) -> float:
    if raster.damage is None:
        return _pixels(raster)
    lost = sum((box[1] - box[0]) * (box[3] - box[2]) for box in raster.damage.boxes)
    return raster.damage.detail * (_pixels(raster) - lost)


def _turned(box: Box, orientation: int, height: int, width: int) -> Box:
    """Move a box as `raster.turned` moves the samples."""
    top, bottom, left, right = box
    if orientation >= 5:
        top, bottom, left, right = left, right, top, bottom
        height, width = width, height
    if orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, height - top
    if orientation in (2, 3, 6, 7):
        left, right = width - right, width - left
    return top, bottom, left, right
