"""Contact sheets: rows of small pictures, each with lines of text below."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sr_core.imaging.pixels import Pixels

_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)
_MARGIN_PX = 16
_LINE_PX = 20
_TEXT_PX = 14
_HEADING_PX = 18


@dataclass(frozen=True, slots=True)
class Pane:
    """A picture and its caption."""

    pixels: Pixels
    lines: tuple[str, ...]
    """Caption, one entry per line; the first is the title."""


def contact_sheet(heading: str, note: str, rows: Sequence[Sequence[Pane]], zoom: int = 1) -> bytes:
    """Draw panes below a heading and a note; return an 8-bit PNG file.

    Text that does not fit is shortened in the middle.

    Args:
        heading: one line.
        note: one line.
        rows: panes row by row. A row is as high as its highest pane; all columns are as wide as
            the widest pane.
        zoom: integer magnification; each pixel becomes a square of zoom x zoom.

    Raises: ValueError if there are no panes.
    """
    panes = [pane for row in rows for pane in row]
    if not panes:
        raise ValueError("a contact sheet needs at least one pane")
    pictures = [[_picture(pane.pixels, zoom) for pane in row] for row in rows]
    text_px = _LINE_PX * max(len(pane.lines) for pane in panes)
    cell_width = max(picture.width for row in pictures for picture in row)
    heights = [max(picture.height for picture in row) + text_px for row in pictures]
    tops = list(accumulate(heights, lambda top, height: top + height + _MARGIN_PX, initial=0))
    first_top = 2 * _MARGIN_PX + _HEADING_PX + _LINE_PX + 6
    width = _MARGIN_PX + max(len(row) for row in rows) * (cell_width + _MARGIN_PX)
    sheet = Image.new("RGB", (width, first_top + tops[-1]), _PAPER)
    draw = ImageDraw.Draw(sheet)
    place, room = (_MARGIN_PX, _MARGIN_PX), width - 2 * _MARGIN_PX
    _write(draw, place, heading, room, _HEADING_PX, _INK)
    _write(draw, (place[0], place[1] + _HEADING_PX + 6), note, room, _TEXT_PX, _FAINT)
    for row, drawn, top in zip(rows, pictures, tops, strict=False):
        for column, (pane, picture) in enumerate(zip(row, drawn, strict=True)):
            x, y = _MARGIN_PX + column * (cell_width + _MARGIN_PX), first_top + top
            sheet.paste(picture, (x, y))
            for index, line in enumerate(pane.lines):
                place = (x, y + picture.height + index * _LINE_PX + 3)
                _write(draw, place, line, cell_width, _TEXT_PX, _FAINT if index else _INK)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _picture(pixels: Pixels, zoom: int) -> Image.Image:
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    rgb = np.repeat(pixels, 3 // pixels.shape[2], axis=2)
    return Image.fromarray(rgb.repeat(zoom, axis=0).repeat(zoom, axis=1))


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    width: int,
    size: int,
    colour: tuple[int, int, int],
) -> None:
    """Write one line; if it is wider than `width` pixels, an ellipsis replaces its middle."""
    font = ImageFont.load_default(size)
    shown, kept = text, len(text)
    while kept > 1 and font.getlength(shown) > width:
        kept -= 1
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    draw.text(place, shown, colour, font)
