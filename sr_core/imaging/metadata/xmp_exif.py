"""EXIF properties of XMP that describe pixels: the subject's place, resolution, colour space."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from sr_core.imaging.metadata.turning import turned_subject
from sr_core.imaging.metadata.xmp_text import change_number, prefixes, replace_elements

_EXIF = b"http://ns.adobe.com/exif/1.0/"
_PHOTOSHOP = b"http://ns.adobe.com/photoshop/1.0/"
_SUBJECTS = (b"SubjectArea", b"SubjectLocation")
_ITEM = re.compile(rb"(?<=>)\s*(\d{1,9})\s*(?=<)")
_MOST_DENOMINATOR = 1 << 16
_SRGB_NAME = b"sRGB IEC61966-2.1"


def scaled(packet: bytes, across: float, down: float) -> bytes:
    """Scale the subject's place and the resolution of the focal plane."""
    factors = (across, down, across, down)
    packet = _with_subject(
        packet, lambda values: [a * b for a, b in zip(values, factors, strict=False)]
    )
    for name, factor in ((b"FocalPlaneXResolution", across), (b"FocalPlaneYResolution", down)):
        packet = _with_ratio(packet, name, Fraction(factor).limit_denominator(1000))
    return packet


def turned(packet: bytes, orientation: int, width_px: int, height_px: int) -> bytes:
    """Move the subject's place with the pixels of a picture that is turned or mirrored.

    Args:
        packet: the packet.
        orientation: EXIF orientation that is applied.
        width_px: width of the stored picture.
        height_px: height of the stored picture.
    """
    return _with_subject(
        packet, lambda values: turned_subject(values, orientation, width_px, height_px)
    )


def as_srgb(packet: bytes) -> bytes:
    """Set the colour space to sRGB, and Photoshop's name of the profile."""
    packet = change_number(packet, _EXIF, b"ColorSpace", lambda _: "1")
    for prefix in prefixes(packet, _PHOTOSHOP):
        name = re.escape(prefix + b":ICCProfile")
        packet = re.sub(rb"(" + name + rb"\s*=\s*\")[^\"<]*", rb"\g<1>" + _SRGB_NAME, packet)
        packet = re.sub(rb"(" + name + rb">)[^<]*", rb"\g<1>" + _SRGB_NAME, packet)
    return packet


def _with_subject(packet: bytes, moved: Callable[[list[float]], list[float]]) -> bytes:
    def changed(part: bytes) -> bytes:
        values = [float(found[1]) for found in _ITEM.finditer(part)]
        if not 2 <= len(values) <= 4:
            return part
        numbers = iter(max(0, round(value)) for value in moved(values))
        return _ITEM.sub(lambda _: str(next(numbers)).encode(), part)

    for name in _SUBJECTS:
        packet = replace_elements(packet, _EXIF, name, changed)
    return packet


def _with_ratio(packet: bytes, name: bytes, factor: Fraction) -> bytes:
    """Multiply a rational number, which XMP writes as two numbers, or a decimal one."""

    def changed(found: re.Match[bytes]) -> bytes:
        below = int(found[3] or 1)
        if below == 0:
            return found[0]
        value = Fraction(f"{found[2].decode()}{(found[4] or b'').decode()}") / below * factor
        value = value.limit_denominator(_MOST_DENOMINATOR)
        text = (
            f"{value.numerator}/{value.denominator}" if found[4] is None else f"{float(value):.9g}"
        )
        return found[1] + text.encode()

    for prefix in prefixes(packet, _EXIF):
        start = rb"(" + re.escape(prefix + b":" + name) + rb"(?:\s*=\s*[\"']|>)\s*)"
        number = rb"(\d{1,18})(?:/(\d{1,18})|(\.\d{1,18}))?"
        packet = re.sub(start + number, changed, packet)
    return packet
