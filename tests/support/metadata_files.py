"""Image files with every kind of metadata, generated in memory."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import tifffile
from numpy.typing import NDArray

from tests.support.image_files import jpeg_with, picture, saved

APP1, APP2, APP11, APP13, COMMENT = 0xE1, 0xE2, 0xEB, 0xED, 0xFE
CAPTION = "Jürgen am Hafen".encode("latin-1")
IPTC = b"".join(
    b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(value)) + value
    for number, value in ((25, b"harbour"), (25, b"1931"), (120, CAPTION), (116, b"(c) Archive"))
)
VIDEO = struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + b"movie" * 20


def resource(number: int, data: bytes, name: bytes = b"") -> bytes:
    """Return a Photoshop image resource."""
    text = bytes([len(name)]) + name
    head = b"8BIM" + struct.pack(">H", number) + text + bytes(len(text) % 2)
    return head + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


def xmp(attributes: str = "", inner: str = "") -> bytes:
    """Return an XMP packet with properties of Dublin Core and of phones."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
        ' xmlns:Container="http://ns.google.com/photos/1.0/container/"'
        ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
        ' xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
        ' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"'
        ' xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"'
        ' xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"'
        ' xmlns:xmpNote="http://ns.adobe.com/xmp/note/" dc:source="album 7"'
        f" {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()


def extended_xmp(words: str) -> tuple[bytes, bytes, str]:
    """Return a main packet, the extended packet that it refers to, and its digest."""
    extended = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
        f'<rdf:Description rdf:about="" photoshop:Instructions="{words}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()
    digest = hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()
    return xmp(f'xmpNote:HasExtendedXMP="{digest}"'), extended, digest


def extended_segments(words: str, part_bytes: int = 65_000) -> list[tuple[int, bytes]]:
    """Return the segments of a main and an extended packet."""
    main, extended, digest = extended_xmp(words)
    parts = [
        b"http://ns.adobe.com/xmp/extension/\0"
        + digest.encode()
        + struct.pack(">II", len(extended), at)
        + extended[at : at + part_bytes]
        for at in range(0, len(extended), part_bytes)
    ]
    first = (APP1, b"http://ns.adobe.com/xap/1.0/\0" + main)
    return [first, *((APP1, part) for part in reversed(parts))]


def jpeg(*segments: tuple[int, bytes], trailer: bytes = b"") -> bytes:
    """Return a JPEG file with segments before its picture and bytes after it."""
    return jpeg_with(saved(picture(), "JPEG"), *segments) + trailer


def iptc_segments(extra: bytes = b"", part_bytes: int = 65_519) -> list[tuple[int, bytes]]:
    """Return APP13 segments with IPTC and other image resources."""
    resources = resource(0x040A, b"\1") + resource(0x0404, IPTC) + extra
    return [
        (APP13, b"Photoshop 3.0\0" + resources[at : at + part_bytes])
        for at in range(0, len(resources), part_bytes)
    ]


def raw_profile(name: bytes, content: bytes, *, compressed: bool = True) -> tuple[bytes, bytes]:
    """Return a PNG chunk with a raw profile, as ImageMagick writes it."""
    digits = content.hex().encode()
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = b"\n%b\n%8d\n%b\n" % (name, len(content), lines)
    keyword = b"Raw profile type " + name + b"\0"
    if compressed:
        return b"zTXt", keyword + b"\0" + zlib.compress(text)
    return b"tEXt", keyword + text


def exif_of_type(kind: int, count: int, value: bytes, order: str = "<") -> bytes:
    """Return an EXIF block whose only tag is an orientation of any type."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    entry = struct.pack(order + "HHHI", 1, 0x0112, kind, count)
    if len(value) <= 4:
        return head + entry + value.ljust(4, b"\0") + bytes(4)
    return head + entry + struct.pack(order + "I", 26) + bytes(4) + value


def as_file(data: bytes) -> io.BytesIO:
    """Return bytes as a file."""
    return io.BytesIO(data)


def tiff_pages(pages: Sequence[tuple[NDArray[Any], dict[str, Any]]]) -> bytes:
    """Return a TIFF file of pages with options of their own."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for samples, options in pages:
            writer.write(samples, metadata=None, **options)
    return file.getvalue()


def exif_in(data: bytes, name: str) -> bytes:
    """Return the EXIF block of a JPEG, PNG, WebP or JPEG XL file, to its end or beyond."""
    before = {"jpeg": b"Exif\0\0", "png": b"eXIf", "webp": b"EXIF", "jxl": b"Exif\0\0\0\0"}[name]
    start = data.index(before) + len(before)
    return data[start + 4 :] if name == "webp" else data[start:]


def box(kind: bytes, body: bytes) -> bytes:
    """Return a box of an ISO base media file."""
    return struct.pack(">I", len(body) + 8) + kind + body


def with_thumbnail(block: bytes, thumbnail: bytes) -> bytes:
    """Append a thumbnail to an EXIF block whose first directory may be anywhere."""
    order = "<" if block[:2] == b"II" else ">"
    first = struct.unpack_from(order + "I", block, 4)[0]
    count = struct.unpack_from(order + "H", block, first)[0]
    start = len(block) + len(block) % 2
    changed = bytearray(block.ljust(start, b"\0"))
    struct.pack_into(order + "I", changed, first + 2 + 12 * count, start)
    changed += struct.pack(order + "H", 2)
    changed += struct.pack(order + "HHII", 0x201, 4, 1, start + 30)
    changed += struct.pack(order + "HHIII", 0x202, 4, 1, len(thumbnail), 0)
    return bytes(changed + thumbnail)
