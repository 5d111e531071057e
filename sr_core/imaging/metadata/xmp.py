"""XMP packets, edited as text: everything that needs no change stays byte for byte."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from sr_core.imaging.metadata.xmp_text import remove, remove_elements

_NOTE = b"http://ns.adobe.com/xmp/note/"
_GUID = re.compile(rb"(\b\w{1,64}:HasExtendedXMP(?:\s*=\s*[\"']|>)\s*)([0-9A-Fa-f]{32})")
_RDF = re.compile(rb"<(\w+:RDF)\b[^<>]*>")
_XMPMETA = re.compile(rb"<(\w+:xmpmeta)\b[^<>]*>")
_OPENING = re.compile(rb"<(?:\w+:xmpmeta|\w+:RDF)\b[^<>]*>")
_DECLARED = re.compile(rb"\sxmlns:(\w+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_START = re.compile(rb"<(\w+):Description\b")
# What a phone's file refers to by length or number: videos and gain maps after the picture.
_MOTION = (
    (b"http://ns.google.com/photos/1.0/camera/", rb"(?:MotionPhoto|MicroVideo)\w*"),
    (b"http://ns.oplus.com/photos/1.0/camera/", rb"(?:MotionPhoto|OLivePhoto|VideoLength)\w*"),
    (b"http://ns.adobe.com/hdr-gain-map/1.0/", rb"\w+"),
    (b"http://ns.apple.com/HDRGainMap/1.0/", rb"\w+"),
)
_ENCODINGS = (
    *((b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be")),
    *((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")),
    *((b"<\0\0\0", "utf-32-le"), (b"\0\0\0<", "utf-32-be")),
    *((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")),
)
_DIRECTORY = b"http://ns.google.com/photos/1.0/container/"
_DIGESTED = (b"http://ns.adobe.com/tiff/1.0/", b"http://ns.adobe.com/exif/1.0/")
_BASIC = b"http://ns.adobe.com/xap/1.0/"


class Packets(NamedTuple):
    """A main XMP packet, and the extended one that it refers to, if any."""

    main: bytes
    extended: bytes | None = None


def as_utf_8(packet: bytes) -> bytes:
    """Return a packet in UTF-8, the encoding of XMP in all formats but TIFF.

    A packet that is damaged, or in UTF-8 already, stays as it is.
    """
    encoding = next((name for start, name in _ENCODINGS if packet.startswith(start)), None)
    if encoding is None:
        return packet
    try:
        return packet.decode(encoding).lstrip("\ufeff").encode()
    except UnicodeDecodeError:
        return packet


def extension_of(packet: bytes) -> str | None:
    """Return the MD5 digest of the extended packet that a packet refers to; None without one."""
    found = _GUID.search(packet)
    return found[2].decode().upper() if found else None


def without_extension(packet: bytes) -> bytes:
    """Remove the reference to an extended packet."""
    return remove(packet, _NOTE, rb"HasExtendedXMP")


def refer(packets: Packets) -> Packets:
    """Update the digest by which the main packet refers to the extended one."""
    if packets.extended is None:
        return packets
    digest = hashlib.md5(packets.extended, usedforsecurity=False).hexdigest().upper().encode()
    return packets._replace(main=_GUID.sub(rb"\g<1>" + digest, packets.main))


def can_be_merged(packets: Packets) -> bool:
    """Return True if `merged` knows the structure of both packets."""
    return all(packet is None or _content(packet, _RDF) is not None for packet in packets)


def merged(packets: Packets) -> bytes | None:
    """Return one packet with the properties of both; None if their structure is not known."""
    if packets.extended is None:
        return packets.main
    main = without_extension(packets.main)
    inner, place = _content(packets.extended, _RDF), _content(main, _RDF)
    if inner is None or place is None:
        return None
    added = packets.extended[inner]
    declared = b"".join(
        declaration[0]
        for opening in _OPENING.finditer(packets.extended)
        for declaration in _DECLARED.finditer(opening[0])
        if declaration[1] != b"x"
    )
    names = _names(declared)

    def declare(start: re.Match[bytes]) -> bytes:
        head = added[start.start() : added.find(b">", start.start())]
        return start[0] + b"".join(
            text for name, text in names.items() if b"xmlns:" + name not in head
        )

    return main[: place.stop] + _START.sub(declare, added) + main[place.stop :]


def split(packet: bytes, room: int) -> Packets | None:
    """Move all properties to an extended packet if a packet exceeds `room` bytes.

    None if its structure is not known.

    Source: XMP specification part 3, 1.1.3.1.
    """
    if len(packet) <= room:
        return Packets(packet)
    meta = _content(packet, _XMPMETA)
    if meta is None or _content(packet, _RDF) is None:
        return None
    start = packet.rfind(b"<", 0, meta.start)
    extended = packet[start : packet.find(b">", meta.stop) + 1]
    main = (
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:xmpNote="' + _NOTE + b'" xmpNote:HasExtendedXMP="' + b"0" * 32 + b'"/>'
        b'</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    )
    return refer(Packets(main, extended))


def without_parts_of_file(packet: bytes) -> bytes:
    """Remove properties that describe parts of the old file, which its output does not have.

    They mark a motion photo or a gain map, list the pictures and videos after the main picture,
    are digests of old tags, or are thumbnails.
    """
    for uri, names in _MOTION:
        packet = remove(packet, uri, names)
    packet = remove_elements(packet, _DIRECTORY, b"Directory")
    for uri in _DIGESTED:
        packet = remove(packet, uri, rb"NativeDigest")
    return remove_elements(packet, _BASIC, b"Thumbnails")


def _content(packet: bytes, opening: re.Pattern[bytes]) -> slice | None:
    """Return the place of an element's content; None if the element is not there or empty."""
    found = opening.search(packet)
    if found is None:
        return None
    end = packet.rfind(b"</" + found[1])
    return slice(found.end(), end) if end >= found.end() else None


def _names(declared: bytes) -> dict[bytes, bytes]:
    return {found[1]: found[0] for found in _DECLARED.finditer(declared)}
