"""Pages of print, drawn black on white, the same at every call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sr_core.imaging.pixels import Pixels

_FONTS = Path("/usr/share/fonts/truetype")
_LEADING = 1.3
"""Distance of lines in em."""
_MARGIN_EM = 1.0


@dataclass(frozen=True, slots=True)
class Typeface:
    """A font by name, and its file; None for the one that Pillow brings."""

    name: str
    file: Path | None


_WANTED = (
    Typeface("Liberation Serif", _FONTS / "liberation" / "LiberationSerif-Regular.ttf"),
    Typeface("Liberation Sans", _FONTS / "liberation" / "LiberationSans-Regular.ttf"),
    Typeface("Liberation Mono", _FONTS / "liberation" / "LiberationMono-Regular.ttf"),
    Typeface("DejaVu Serif", _FONTS / "dejavu" / "DejaVuSerif.ttf"),
    Typeface("DejaVu Sans", _FONTS / "dejavu" / "DejaVuSans.ttf"),
    Typeface("DejaVu Sans Mono", _FONTS / "dejavu" / "DejaVuSansMono.ttf"),
)
"""The shapes of Times, Helvetica, Courier and Bitstream Vera, from Debian's fonts-liberation and
fonts-dejavu."""
_PILLOWS_OWN = Typeface("Aileron", None)


def find_typefaces() -> list[Typeface]:
    """Return the installed fonts out of a fixed list, or Pillow's own if there are none."""
    found = [face for face in _WANTED if face.file is not None and face.file.is_file()]
    return found or [_PILLOWS_OWN]


def typeset(text: str, typeface: Typeface, size_px: int, width_px: int) -> Pixels:
    """Set a text flush left, broken at spaces.

    Args:
        text: words with spaces between them.
        typeface: one of `find_typefaces`.
        size_px: size of the font, its em.
        width_px: width of the page, with margins of one em.

    Returns:
        (H, width_px, 3) uint8, as high as the text needs.

    Raises: ValueError for a word wider than the page.
    """
    font = _open(typeface, size_px)
    margin = round(_MARGIN_EM * size_px)
    lines = _broken(text.split(), font, width_px - 2 * margin)
    leading = round(_LEADING * size_px)
    page = Image.new("L", (width_px, 2 * margin + leading * len(lines)), 255)
    draw = ImageDraw.Draw(page)
    for index, line in enumerate(lines):
        draw.text((margin, margin + index * leading), line, 0, font)
    return np.repeat(np.asarray(page)[..., None], 3, axis=2)


def _open(typeface: Typeface, size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    if typeface.file is None:
        return ImageFont.load_default(size_px)
    # The basic layout needs no library that may be missing, and draws the same everywhere.
    return ImageFont.truetype(typeface.file, size_px, layout_engine=ImageFont.Layout.BASIC)


def _broken(
    words: list[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room_px: int
) -> list[str]:
    """Break words into lines of at most `room_px` pixels."""
    lines: list[str] = []
    for word in words:
        if font.getlength(word) > room_px:
            raise ValueError(f"{word!r} is wider than {room_px} px")
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= room_px:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
