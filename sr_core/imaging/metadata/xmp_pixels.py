"""Properties of XMP that describe pixels, made true for other pixels."""

from __future__ import annotations

import re
from collections.abc import Callable

from sr_core.imaging.metadata import xmp_exif
from sr_core.imaging.metadata.turning import turned_point, turned_size
from sr_core.imaging.metadata.xmp_text import change_number, prefixes, replace_elements

_TIFF, _EXIF = b"http://ns.adobe.com/tiff/1.0/", b"http://ns.adobe.com/exif/1.0/"
_PANORAMA = b"http://ns.google.com/photos/1.0/panorama/"
_REGIONS = b"http://www.metadataworkinggroup.com/schemas/regions/"
_DIMENSIONS = b"http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_AREA = b"http://ns.adobe.com/xmp/sType/Area#"
_MICROSOFT = b"http://ns.microsoft.com/photo/1.2/t/Region#"
_WIDTHS = (*((_TIFF, b"ImageWidth"), (_EXIF, b"PixelXDimension")),)
# ImageHeight is no name of the standard, but some programs write it.
_HEIGHTS = ((_TIFF, b"ImageLength"), (_TIFF, b"ImageHeight"), (_EXIF, b"PixelYDimension"))
_ACROSS = (
    *(b"FullPanoWidthPixels", b"CroppedAreaImageWidthPixels", b"CroppedAreaLeftPixels"),
    *(b"LargestValidInteriorRectLeft", b"LargestValidInteriorRectWidth"),
)
_DOWN = (
    *(b"FullPanoHeightPixels", b"CroppedAreaImageHeightPixels", b"CroppedAreaTopPixels"),
    *(b"LargestValidInteriorRectTop", b"LargestValidInteriorRectHeight"),
)
_Change = Callable[[float], str]
_RECTANGLE = re.compile(
    rb"(Rectangle(?:\s*=\s*[\"']|>)\s*)([\d.]+),\s*([\d.]+),\s*([\d.]+),\s*([\d.]+)"
)


def with_size(
    packet: bytes, width_px: int, height_px: int, before_px: tuple[int, int] | None
) -> bytes:
    """Update sizes and positions in pixels.

    Args:
        packet: the packet.
        width_px: new width of the picture.
        height_px: new height of the picture.
        before_px: size of the picture that the packet describes, (width, height), if known.
    """
    for sizes, side in ((_WIDTHS, width_px), (_HEIGHTS, height_px)):
        for uri, name in sizes:
            packet = change_number(packet, uri, name, _constant(side))
    if before_px is None:
        return packet
    across, down = width_px / before_px[0], height_px / before_px[1]
    packet = xmp_exif.scaled(packet, across, down)
    packet = _with_dimensions(packet, _scaled(across), _scaled(down))
    for names, ratio in ((_ACROSS, across), (_DOWN, down)):
        for name in names:
            packet = change_number(packet, _PANORAMA, name, _scaled(ratio))
    return packet


def upright(packet: bytes, orientation: int, stored_px: tuple[int, int] | None = None) -> bytes:
    """Move face regions and the subject's place with the pixels that are turned or mirrored.

    Args:
        packet: the packet.
        orientation: EXIF orientation that is applied.
        stored_px: size of the stored picture, (width, height), if known.

    Source: MWG Guidelines for Handling Image Metadata 2.0, section 5.9 (centre and size, shares of
    the sides); Microsoft's People Tagging (left, top, width and height, likewise).
    """
    if orientation == 1:
        return packet
    if orientation >= 5:
        packet = _with_swapped_dimensions(packet)
    if stored_px is not None:
        packet = xmp_exif.turned(packet, orientation, *stored_px)
    known = prefixes(packet, _AREA)
    packet = replace_elements(
        packet, _REGIONS, b"Area", lambda part: _moved_area(part, orientation, known)
    )
    if prefixes(packet, _MICROSOFT):
        packet = _RECTANGLE.sub(lambda found: _moved_rectangle(found, orientation), packet)
    return packet


def _with_dimensions(packet: bytes, wide: _Change, high: _Change) -> bytes:
    """Change the size in pixels that face regions refer to.

    It is scaled and not set: if it disagrees with the picture, readers must ignore the regions.
    """
    known = prefixes(packet, _DIMENSIONS)

    def changed(part: bytes) -> bytes:
        if b"pixel" not in part:
            return part
        part = change_number(part, _DIMENSIONS, b"w", wide, known=known)
        return change_number(part, _DIMENSIONS, b"h", high, known=known)

    return replace_elements(packet, _REGIONS, b"AppliedToDimensions", changed)


def _with_swapped_dimensions(packet: bytes) -> bytes:
    sides: list[float] = []

    def read(value: float) -> str:
        sides.append(value)
        return f"{value:.9g}"

    _with_dimensions(packet, read, read)
    if len(sides) != 2:
        return packet
    return _with_dimensions(packet, _constant(sides[1]), _constant(sides[0]))


def _moved_area(part: bytes, orientation: int, known: list[bytes]) -> bytes:
    values: dict[bytes, float] = {}

    def read(name: bytes) -> _Change:
        def keep(value: float) -> str:
            values[name] = value
            return f"{value:.9g}"

        return keep

    for name in (b"x", b"y", b"w", b"h"):
        change_number(part, _AREA, name, read(name), known=known)
    if not {b"x", b"y"} <= set(values):
        return part
    x, y = turned_point(values[b"x"], values[b"y"], orientation)
    w, h = turned_size(values.get(b"w", 0), values.get(b"h", 0), orientation)
    for name, value in ((b"x", x), (b"y", y), (b"w", w), (b"h", h)):
        part = change_number(part, _AREA, name, _constant(value), known=known)
    return part


def _moved_rectangle(found: re.Match[bytes], orientation: int) -> bytes:
    try:
        left, top, width, height = (float(found[index]) for index in (2, 3, 4, 5))
    except ValueError:
        return found[0]
    x, y = turned_point(left + width / 2, top + height / 2, orientation)
    width, height = turned_size(width, height, orientation)
    numbers = (x - width / 2, y - height / 2, width, height)
    return found[1] + ", ".join(f"{number:.6f}" for number in numbers).encode()


def _constant(value: float) -> _Change:
    return lambda _: f"{value:.9g}"


def _scaled(ratio: float) -> _Change:
    return lambda value: f"{round(value * ratio)}"
