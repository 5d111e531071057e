"""One file of each format that holds every kind of metadata that the format can hold."""

from __future__ import annotations

import io
import struct

import imagecodecs
from PIL import Image

from sr_core.imaging.codecs.tags import exif_block
from sr_core.imaging.codecs.tags.tree import Field, Tree
from sr_core.imaging.metadata import Losses
from tests.support import metadata_files as made
from tests.support.heif_files import Part, muxed, part_of
from tests.support.heif_files import heif as coded
from tests.support.image_files import chunk, picture, png, saved, scene, tiff

DESCRIBES = ((b"cdsc", (1,)),)
XMP = made.xmp(
    'tiff:ImageWidth="56" exif:PixelXDimension="56" GPano:FullPanoWidthPixels="560"',
    "<dc:subject><rdf:Bag><rdf:li>Großmutter</rdf:li></rdf:Bag></dc:subject>",
)
PHOTOSHOP = made.resource(0x040A, b"\1") + made.resource(0x040B, b"https://example.org")
CANON_TYPE = b"IMG:CanonX\0"


def exif(*, orientation: bool = True) -> bytes:
    """Return a block with a Canon maker note that depends on its offset, GPS and a subject."""
    note_at = 600
    note = struct.pack("<HHHIII", 1, 6, 2, len(CANON_TYPE), note_at + 18, 0) + CANON_TYPE
    inner = Tree(
        "<",
        (
            Field(0x9003, 2, 20, b"2019:05:04 03:02:01\0"),
            Field(0x9286, 7, 8 + 9, b"UNICODE\0" + b"a\0b\0c\0d\0\0"),
            Field(0x9214, 3, 2, struct.pack("<HH", 10, 20)),
            Field(0xA002, 4, 1, struct.pack("<I", 56)),
            Field(0xA003, 4, 1, struct.pack("<I", 40)),
            Field(0x927C, 7, len(note), note, note_at),
        ),
        ((0xA005, Tree("<", (Field(1, 2, 4, b"R98\0"),))),),
    )
    gps = Tree(
        "<", (Field(1, 2, 2, b"N\0"), Field(2, 5, 3, struct.pack("<6I", 48, 1, 8, 1, 15, 1)))
    )
    first = (
        Field(0x10E, 2, 12, "Großmutter\0".encode()),
        Field(0x10F, 2, 6, b"Canon\0"),
        Field(0x110, 2, 11, b"Canon Test\0"),
        Field(0x112, 3, 1, struct.pack("<H", 1)),
        Field(0x11A, 5, 1, struct.pack("<II", 300, 1)),
        Field(0x11B, 5, 1, struct.pack("<II", 150, 1)),
        Field(0x128, 3, 1, struct.pack("<H", 2)),
        Field(0x13B, 2, 7, b"J\xfcrgen\0"),
        Field(0xFDE8, 1, 3, b"\1\2\3"),
    )
    if not orientation:
        first = tuple(field for field in first if field.tag != 0x112)
    tree = Tree("<", first, ((0x8769, inner), (0x8825, gps)))
    return exif_block.block_of(tree, Losses()) or b""


def jpeg() -> bytes:
    """Return a JPEG file with every kind, a trailer and a manifest."""
    return made.jpeg(
        (made.APP1, b"Exif\0\0" + made.with_thumbnail(exif(), saved(picture(), "JPEG"))),
        (made.APP1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        (made.APP13, b"Photoshop 3.0\0" + PHOTOSHOP + made.resource(0x0404, made.IPTC)),
        (made.COMMENT, b"Harbour 1931"),
        (made.APP11, b"JP\0\1c2pa"),
        trailer=made.VIDEO,
    )


def png_file() -> bytes:
    """Return a PNG file with every kind."""
    whole = png(
        (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"eXIf", exif()),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        made.raw_profile(b"iptc", PHOTOSHOP + made.resource(0x0404, made.IPTC)),
        (b"tEXt", b"Author\0J\xfcrgen"),
        size=(56, 40),
    )
    end = whole.index(b"IEND") - 4
    time = chunk(b"tIME", struct.pack(">HBBBBB", 2019, 5, 4, 3, 2, 1))
    return whole[:end] + time + chunk(b"iTXt", "Title\0\0\0\0\0Großmutter".encode()) + whole[end:]


def tiff_file() -> bytes:
    """Return a TIFF file with every kind, big-endian, IPTC of type LONG."""
    iptc = made.IPTC.ljust(-(-len(made.IPTC) // 4) * 4, b"\0")
    numbers = struct.unpack(f">{len(iptc) // 4}I", iptc)
    tags = [
        (0x10E, 2, 12, "Großmutter\0".encode(), True),
        (0x10F, 2, 6, b"Canon\0", True),
        (0x13B, 2, 7, b"J\xfcrgen\0", True),
        (0x2BC, 1, len(XMP), XMP, True),
        (0x83BB, 4, len(numbers), numbers, True),
        (0x8649, 1, len(PHOTOSHOP), PHOTOSHOP, True),
        (0x935C, 7, 12, b"Adobe layers", True),
        (0xFDE8, 3, 2, (1, 2), True),
    ]
    return tiff(scene(40, 56), extratags=tags, resolution=(300, 150), byteorder=">")


def webp() -> bytes:
    """Return a WebP file with every kind."""
    return saved(picture(), "WEBP", exif=b"Exif\0\0" + exif(), xmp=XMP)


def jxl() -> bytes:
    """Return a JPEG XL file with every kind."""
    start = bytes.fromhex("0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20")
    data = bytes(imagecodecs.jpegxl_encode(scene(40, 56), lossless=True))
    boxes = ((b"Exif", bytes(4) + exif()), (b"xml ", XMP), (b"jxlc", data), (b"jumb", b"c2pa"))
    return start + b"".join(made.box(kind, body) for kind, body in boxes)


def gif() -> bytes:
    """Return a GIF file with every kind."""
    data = saved(picture("P"), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    packet = b"\x21\xff\x0bXMP DataXMP" + XMP + trailer
    return data[:start] + b"\x21\xfe\x0cHarbour 1931\0" + packet + data[start:]


def jp2() -> bytes:
    """Return a JPEG 2000 file with every kind."""
    data = saved(picture(), "JPEG2000")
    place = data.rindex(b"jp2c") - 4
    sized = data[:place] + struct.pack(">I", len(data) - place) + data[place + 4 :]
    names = ("4a706754696666457869662d3e4a5032", "be7acfcb97a942e89c71999491e3afac")
    bodies = (exif(), XMP)
    boxes = [bytes.fromhex(name) + body for name, body in zip(names, bodies, strict=True)]
    boxes.append(bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + made.IPTC)
    return sized + b"".join(made.box(b"uuid", body) for body in boxes)


def avif() -> bytes:
    """Return an AVIF file with every kind. Pillow would lay out a block with orientation anew."""
    block = b"Exif\0\0" + exif(orientation=False)
    file = io.BytesIO()
    Image.fromarray(scene(40, 56)).save(file, "AVIF", exif=block, xmp=XMP)
    return file.getvalue() + made.box(b"mpvd", b"movie")


def heif() -> bytes:
    """Return a HEIF file with every kind, and a thumbnail and a video besides."""
    small = part_of(coded(scene(16, 16)))
    items = [
        part_of(coded(scene(40, 56))),
        Part(b"Exif", bytes(4) + exif(orientation=False), references=DESCRIBES),
        Part(b"mime", XMP, references=DESCRIBES, content=b"application/rdf+xml"),
        Part(small.kind, small.data, small.properties, ((b"thmb", (1,)),)),
    ]
    return muxed(items, behind=made.box(b"mpvd", b"movie"))


def bmp() -> bytes:
    """Return a BMP file with every kind, which is only a resolution."""
    return saved(picture(), "BMP", dpi=(300, 150))


CORPUS = {
    "jpeg": jpeg,
    "png": png_file,
    "tiff": tiff_file,
    "webp": webp,
    "jxl": jxl,
    "gif": gif,
    "jp2": jp2,
    "avif": avif,
    "bmp": bmp,
    "heif": heif,
}
"""Functions that return the file of each format."""
