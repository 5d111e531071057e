"""Places in XMP, removed: positions of EXIF, of drones, of W3C's vocabulary, and geotags."""

from __future__ import annotations

import re

from sr_core.imaging.metadata.xmp_text import prefixes

# DJI writes Longtitude. Bounded, so that a hostile packet cannot make the search slow.
_WORDS = rb"(?!ISOSpeed)\w{0,40}(?:GPS|Gps|Latitude|Longitude|Longtitude)\w{0,40}"
_PREFIX = rb"[\w.-]{1,40}:"
_W3C = b"http://www.w3.org/2003/01/geo/wgs84_pos#"
_W3C_WORDS = rb"(?:lat|long|alt|lat_long)"
_GEOTAG = re.compile(rb"<([\w.-]+:li)\b[^<>]*>\s*geo:\w+=[^<]*</\1\s*>")
_LEFT = re.compile(rb"[:<]\w{0,40}(?:gps|latitude|longitude)", re.IGNORECASE)
"""Names of properties that are left; captions may speak of GPS, and coded pictures spell it."""


def without_places(packet: bytes) -> bytes | None:
    """Remove all positions; None if some cannot be isolated, so that no position leaks."""
    packet = _without(packet, _PREFIX + _WORDS)
    for prefix in prefixes(packet, _W3C):
        packet = _without(packet, re.escape(prefix) + rb":" + _W3C_WORDS)
    packet = _GEOTAG.sub(b"", packet)
    rest = re.sub(rb"ISOSpeedLatitude", b"", packet.replace(b"\0", b""))
    return None if _LEFT.search(rest) else packet


def _without(packet: bytes, name: bytes) -> bytes:
    """Remove attributes, empty elements and elements of plain text."""
    attribute = rb"\s" + name + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    element = rb"<(" + name + rb")\b[^<>]*(?:(?<=/)>|>[^<]*</\1\s*>)"
    return re.sub(rb"(?:" + attribute + rb"|" + element + rb")", b"", packet)
