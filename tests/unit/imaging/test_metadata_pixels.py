"""Tags that describe pixels are true for the output: sizes, places, thumbnails."""

from __future__ import annotations

import struct
import time
from dataclasses import replace

import numpy as np
import pytest

from sr_core.imaging.codecs import Page, Picture, decode, encode, losses
from sr_core.imaging.codecs.raster import turned
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags import exif_block, exif_pixels
from sr_core.imaging.codecs.tags.directory import TagFile
from sr_core.imaging.codecs.tags.tree import Field, Tree
from sr_core.imaging.metadata import Losses, xmp, xmp_pixels
from sr_core.imaging.metadata.turning import turned_point
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS
from tests.support.image_files import exif_block as small_block

AREA, LOCATION, FOCAL = 0x9214, 0xA214, 0xA20E
FORMATS = ["jpeg", "png", "webp", "jxl"]


def with_places(orientation: int = 1) -> bytes:
    """Return an EXIF block with places of the subject."""
    inner = Tree(
        "<",
        (
            Field(AREA, 3, 4, struct.pack("<4H", 10, 30, 8, 4)),
            Field(LOCATION, 3, 2, struct.pack("<2H", 10, 30)),
            Field(FOCAL, 5, 1, struct.pack("<II", 5000, 3)),
        ),
    )
    first = (Field(0x112, 3, 1, struct.pack("<H", orientation)),)
    return exif_block.block_of(Tree("<", first, ((0x8769, inner),)), Losses()) or b""


def enlarged(data: bytes, name: str = "jpeg", by: int = 2) -> Picture:
    """Decode, enlarge each page, encode and decode again."""
    decoded = decode(data, LIMITS)
    pages = tuple(Page(page.pixels.repeat(by, 0).repeat(by, 1)) for page in decoded.pages)
    return decode(encode(replace(decoded, pages=pages), name, 95), LIMITS)


def numbers(block: bytes | None, *path: int) -> tuple[int, ...]:
    field = exif_block.tree_of(block or b"").tag(*path)
    assert field is not None
    letter = {3: "H", 5: "I", 4: "I"}[field.kind]
    size = struct.calcsize("<" + letter)
    return struct.unpack(f"<{len(field.value) // size}{letter}", field.value)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_point_is_turned_with_the_pixels(orientation: int) -> None:
    picture = np.zeros((6, 4), np.uint8)
    picture[4, 1] = 1
    upright = turned(picture, orientation)
    x, y = turned_point(1.5 / 4, 4.5 / 6, orientation)
    assert upright[int(y * upright.shape[0]), int(x * upright.shape[1])] == 1


@pytest.mark.parametrize("name", [*FORMATS, "tiff"])
def test_places_of_the_subject_are_scaled(name: str) -> None:
    data = made.jpeg((made.APP1, b"Exif\0\0" + with_places()))
    block = enlarged(data, name).metadata.exif
    assert numbers(block, 0x8769, AREA) == (20, 60, 16, 8)
    assert numbers(block, 0x8769, LOCATION) == (20, 60)
    wide, per = numbers(block, 0x8769, FOCAL)
    assert wide / per == pytest.approx(10_000 / 3)


def test_places_of_the_subject_are_turned() -> None:
    data = made.jpeg((made.APP1, b"Exif\0\0" + with_places(6)))  # 56x40 px before it is turned
    assert numbers(decode(data, LIMITS).metadata.exif, 0x8769, AREA) == (10, 10, 4, 8)


@pytest.mark.parametrize("name", FORMATS)
def test_the_thumbnail_is_made_anew(name: str) -> None:
    block = made.with_thumbnail(small_block(6), b"\xff\xd8old thumbnail\xff\xd9")
    data = made.jpeg((made.APP1, b"Exif\0\0" + block))
    decoded = decode(data, LIMITS)
    assert b"old thumbnail" not in (decoded.metadata.exif or b"")
    output = bytes(encode(decoded, name, 95))
    tags = TagFile(Source(made.exif_in(output, name)))
    second = list(tags.chain())[1]
    start, length = (tags.number(second, tag) for tag in (0x201, 0x202))
    small = decode(tags.source.take(start, length), LIMITS).pages[0].pixels
    assert small.shape[:2] == decoded.pages[0].pixels.shape[:2] == (56, 40)
    assert np.abs(small.mean() - decoded.pages[0].pixels.mean()) < 3


def test_the_thumbnail_is_named_if_it_is_lost() -> None:
    block = made.with_thumbnail(small_block(), b"\xff\xd8old thumbnail\xff\xd9")
    decoded = decode(made.jpeg((made.APP1, b"Exif\0\0" + block)), LIMITS)
    assert losses(decoded, "tiff") == ("dropped: EXIF thumbnail, which tiff cannot hold, 17 bytes",)
    assert losses(decoded, "jpeg") == ()


def test_a_thumbnail_between_other_tags_leaves_them_in_place() -> None:
    block = made.with_thumbnail(small_block(), b"\xff\xd8old thumbnail\xff\xd9")
    moved = block + b"more"  # a maker's data that no tag names
    changed, size = exif_pixels.without_thumbnail(moved)
    assert size == 17
    assert b"old thumbnail" not in changed
    assert exif_block.tree_of(changed) == exif_block.tree_of(small_block())


PANORAMA = (
    'GPano:FullPanoWidthPixels="560" GPano:FullPanoHeightPixels="400"'
    ' GPano:CroppedAreaLeftPixels="14" GPano:CroppedAreaTopPixels="10"'
    ' tiff:ImageWidth="56" tiff:ImageLength="40" exif:PixelXDimension="56"'
)
REGIONS = (
    "<mwg-rs:Regions rdf:parseType='Resource'>"
    "<mwg-rs:AppliedToDimensions stDim:w='56' stDim:h='40' stDim:unit='pixel'/>"
    "<mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name='Ann'>"
    "<mwg-rs:Area stArea:x='0.25' stArea:y='0.75' stArea:w='0.1' stArea:h='0.2'"
    " stArea:unit='normalized'/></rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList>"
    "</mwg-rs:Regions>"
)


def test_sizes_in_xmp_are_scaled() -> None:
    packet = made.xmp(PANORAMA, REGIONS)
    data = made.jpeg((made.APP1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
    found = enlarged(data).metadata.xmp or b""
    for text in (
        *(b'FullPanoWidthPixels="1120"', b'FullPanoHeightPixels="800"'),
        *(b'CroppedAreaLeftPixels="28"', b'CroppedAreaTopPixels="20"'),
        *(b'tiff:ImageWidth="112"', b'tiff:ImageLength="80"', b'exif:PixelXDimension="112"'),
        *(b"stDim:w='112' stDim:h='80'", b"stArea:x='0.25' stArea:y='0.75'"),
    ):
        assert text in found


def test_face_regions_are_turned() -> None:
    found = xmp_pixels.upright(made.xmp("", REGIONS), 6)
    assert b"stDim:w='40' stDim:h='56'" in found
    assert b"stArea:x='0.25' stArea:y='0.25' stArea:w='0.2' stArea:h='0.1'" in found
    elements = REGIONS.replace(
        "stArea:x='0.25' stArea:y='0.75' stArea:w='0.1' stArea:h='0.2' stArea:unit='normalized'/>",
        "rdf:parseType='Resource'><stArea:x>0.25</stArea:x><stArea:y>0.75</stArea:y></mwg-rs:Area>",
    )
    found = xmp_pixels.upright(made.xmp("", elements), 3)
    assert b"<stArea:x>0.75</stArea:x><stArea:y>0.25</stArea:y>" in found


def test_the_size_of_other_regions_stays_another() -> None:
    packet = made.xmp("", REGIONS.replace("stDim:w='56'", "stDim:w='30'"))
    assert b"stDim:w='60' stDim:h='80'" in xmp_pixels.with_size(packet, 112, 80, (56, 40))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_xmp_of_any_encoding_is_made_true(encoding: str) -> None:
    packet = made.xmp(PANORAMA + ' GCamera:MotionPhoto="1"').decode().encode(encoding)
    data = made.jpeg((made.APP1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
    found = enlarged(data).metadata.xmp or b""
    assert b'FullPanoWidthPixels="1120"' in found
    assert b"GCamera:MotionPhoto=" not in found


def test_hostile_packets_take_no_time() -> None:
    head = made.xmp().partition(b" >")[0]
    for part in (
        *(
            b"w",
            b" ",
            b"<mwg-rs:Area>",
            b"<mwg-rs:Area/>",
            b"<xmp:Thumbnails>",
            b"<Container:Directory",
        ),
        *(b" GCamera:MotionPhoto=", b"<GCamera:MotionPhoto>", b"<a:RDF>", b" Rectangle='0,"),
        *(b" xmpNote:HasExtendedXMP=", b"<Container:Directory/>", b"<Container:Directory"),
    ):
        packet = head + b">" + part * (500_000 // len(part))
        started = time.process_time()
        kept = xmp.without_parts_of_file(xmp.as_utf_8(packet))
        xmp_pixels.with_size(xmp_pixels.upright(kept, 6), 112, 80, (56, 40))
        xmp.extension_of(kept)
        xmp.merged(xmp.Packets(kept, kept))
        xmp.split(kept, 100)
        assert time.process_time() - started < 2, part
    declared = b"".join(
        b' xmlns:a%d="http://ns.google.com/photos/1.0/camera/"' % index for index in range(9_000)
    )
    started = time.process_time()
    xmp.without_parts_of_file(b"<x" + declared + b">")
    assert time.process_time() - started < 2
