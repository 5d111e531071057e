"""What a file holds twice, or refers to elsewhere in itself, is named."""

from __future__ import annotations

import struct

import pytest

from sr_core.imaging.codecs import decode, encode, losses
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags import elsewhere, exif_block
from sr_core.imaging.codecs.tags.directory import TagFile
from sr_core.imaging.codecs.tags.tree import EXIF_DIRECTORY, Field, Tree
from sr_core.imaging.metadata import Losses
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, picture, png, saved, scene, tiff

NOTE = 0x927C
XMP = made.xmp()


def test_a_second_xmp_packet_of_gif_is_named() -> None:
    data = saved(picture("P"), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    packets = b"".join(b"\x21\xff\x0bXMP DataXMP" + body + trailer for body in (XMP, XMP + b" "))
    decoded = decode(data[:start] + packets + data[start:], LIMITS)
    assert decoded.metadata.xmp == XMP
    assert decoded.warnings == (f"dropped: second XMP packet, {len(XMP) + 1} bytes",)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"tIME", struct.pack(">HBBBBB", 2019, 5, 4, 3, 2, 1)),
        (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"gAMA", struct.pack(">I", 45_455)),
    ],
)
def test_a_second_chunk_of_png_is_named(kind: bytes, body: bytes) -> None:
    decoded = decode(png((kind, body), (kind, body)), LIMITS)
    name = f"dropped: second PNG chunk {kind.decode()}, {len(body)} bytes"
    assert decoded.warnings == (name,)


def test_zeros_of_a_comment_are_named_in_png() -> None:
    decoded = decode(made.jpeg((made.COMMENT, b"Fundus\0Camera\0")), LIMITS)
    named = ("zeros in a comment became spaces, since PNG text cannot hold them",)
    assert losses(decoded, "png") == named
    assert losses(decoded, "jpeg") == ()
    kept = decode(encode(decoded, "png", 95), LIMITS).metadata.text
    assert [chunk.body for chunk in kept] == [b"Comment\0Fundus Camera"]
    ended = decode(made.jpeg((made.COMMENT, b"Harbour 1931\0")), LIMITS)
    assert losses(ended, "png") == ()


def test_a_second_value_of_a_tag_is_named() -> None:
    tags = [(0xFDE8, 3, 1, 1, True), (0xFDE9, 3, 1, 2, True)]
    data = tiff(scene(30, 44), extratags=tags)
    twice = data.replace(struct.pack("<HHI", 0xFDE9, 3, 1), struct.pack("<HHI", 0xFDE8, 3, 1))
    assert decode(twice, LIMITS).warnings == ("dropped: second value of tag 65000, 2 bytes",)


def canon(place: int) -> bytes:
    """Return an EXIF block whose Canon note refers to original decision data at a place."""
    note = struct.pack("<HHHIII", 1, 0x83, 4, 1, place, 0)
    inner = Tree("<", (Field(NOTE, 7, len(note), note, 200),))
    tree = Tree("<", (Field(0x10F, 2, 6, b"Canon\0"),), ((EXIF_DIRECTORY, inner),))
    return exif_block.block_of(tree, Losses()) or b""


@pytest.mark.parametrize(("place", "named"), [(3326, True), (0, False)])
def test_original_decision_data_of_canon_are_named(place: int, *, named: bool) -> None:
    warnings = decode(made.jpeg((made.APP1, b"Exif\0\0" + canon(place))), LIMITS).warnings
    text = "dropped: original decision data that the maker note of Canon refers to"
    assert (warnings == (text,)) is named


@pytest.mark.parametrize(("outside", "size"), [(True, 81_104), (False, 0)])
def test_a_preview_outside_a_note_of_nikon_is_found(outside: int, size: int) -> None:
    place = 300 if outside else 26
    head = b"II" + struct.pack("<HI", 42, 8) + struct.pack("<HHHII", 1, 0x11, 4, 1, place)
    note = b"Nikon\0\2\x10\0\0" + head.ljust(80, b"\0")
    preview = struct.pack("<HHHIII", 1, 0x202, 4, 1, 81_104, 0)
    file = bytearray(b"II" + struct.pack("<HI", 42, 8)).ljust(600, b"\0")
    file[20 : 20 + len(note)] = note
    at = 20 + 10 + place
    file[at : at + len(preview)] = preview
    field = Field(NOTE, 7, len(note), note, 20)
    assert elsewhere.nikon_preview_bytes(TagFile(Source(bytes(file))), field) == size
