"""Positions leave every kind of metadata that can hold one, and nothing else does."""

from __future__ import annotations

import struct
import time

import pytest

from sr_core.imaging.codecs import Metadata, Page, Picture, decode, encode, losses
from sr_core.imaging.codecs.places import without_places
from sr_core.imaging.codecs.tags import exif_block
from sr_core.imaging.codecs.tags.removal import without_gps
from sr_core.imaging.codecs.tags.tree import EXIF_DIRECTORY, GPS_DIRECTORY, Field, Tree
from sr_core.imaging.metadata import Losses, TextChunk, xmp_places
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, scene

LATITUDE = struct.pack("<6I", 48, 1, 8, 1, 1575, 100)
GPS = Tree("<", (Field(1, 2, 2, b"N\0"), Field(2, 5, 3, LATITUDE)))
HEAD = (
    b'<rdf:Description xmlns:dji="http://www.dji.com/drone-dji/1.0/"'
    b' xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:e="http://ns.adobe.com/exif/1.0/"'
    b' xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" dc:source="album 7"'
)
END = b"</rdf:Description>"


def block_of(*fields: Field, inner: Tree | None = None) -> bytes:
    below = () if inner is None else ((EXIF_DIRECTORY, inner),)
    return exif_block.block_of(Tree("<", fields, below), Losses()) or b""


@pytest.mark.parametrize(
    "place",
    [
        b' exif:GPSLatitude="48,8.1N"',
        b" e:GPSLatitude='48,8.1N'",
        b' dji:GpsLatitude="+48.1"',
        b' dji:GpsLongtitude="+11.5"',
        b' geo:lat="48.1"',
        b' exif:ISOSpeedLatitudeyyy="100" dji:Latitude="48.1"',
    ],
)
def test_a_position_in_an_attribute_of_xmp_is_removed(place: bytes) -> None:
    kept = xmp_places.without_places(HEAD + place + b">" + END) or b""
    assert b"48" not in kept
    assert b"11.5" not in kept
    assert b'dc:source="album 7"' in kept
    assert (b"ISOSpeedLatitudeyyy" in kept) is (b"ISOSpeed" in place)


@pytest.mark.parametrize(
    "place",
    [
        b"<exif:GPSLatitude>48,8.1N</exif:GPSLatitude>",
        b'<exif:GPSLatitude rdf:value="48"/>',
        b"<geo:lat>48.1</geo:lat>",
        b"<dc:subject><rdf:Bag><rdf:li>geo:lat=48.1</rdf:li></rdf:Bag></dc:subject>",
    ],
)
def test_a_position_in_an_element_of_xmp_is_removed(place: bytes) -> None:
    kept = xmp_places.without_places(HEAD + b">" + place + b"<dc:title>x</dc:title>" + END) or b""
    assert b"48" not in kept
    assert b"<dc:title>x</dc:title>" in kept


@pytest.mark.parametrize(
    "packet",
    [
        HEAD
        + b"><exif:GPSLatitude><rdf:Alt><rdf:li>48</rdf:li></rdf:Alt></exif:GPSLatitude>"
        + END,
        (HEAD + b' exif:GPSLatitude="48">' + END).decode().encode("utf-16"),
        HEAD + b"><x:gpslatitude><b>48</b></x:gpslatitude>" + END,
    ],
)
def test_xmp_whose_position_cannot_be_isolated_is_dropped_and_named(packet: bytes) -> None:
    assert xmp_places.without_places(packet) is None
    picture = Picture((Page(scene(8, 8)),), Metadata(xmp=packet))
    assert losses(picture, "png", strip_gps=True) == (
        f"dropped: XMP whose GPS position cannot be isolated, {len(packet)} bytes",
    )
    assert losses(picture, "png") == ()


def test_a_position_linked_in_the_exif_directory_is_removed() -> None:
    date = Field(0x9003, 2, 20, b"2019:05:04 03:02:01\0")
    block = block_of(inner=Tree("<", (date,), ((GPS_DIRECTORY, GPS),)))
    assert LATITUDE in block
    kept = without_gps(block)
    assert LATITUDE not in kept
    ((_, left),) = exif_block.tree_of(kept).inner
    assert (left.inner, [field.value for field in left.fields]) == ((), [date.value])


def test_a_position_in_xmp_inside_the_exif_data_is_removed() -> None:
    packet = HEAD + b' exif:GPSLatitude="48,8.1N">' + END
    block = block_of(Field(0x10F, 2, 6, b"Maker\0"), Field(0x2BC, 1, len(packet), packet))
    kept = without_gps(block)
    assert b"GPSLatitude" not in kept
    assert b'dc:source="album 7"' in kept
    assert len(kept) == len(block)


def test_geotags_leave_the_keywords_and_text_about_places_leaves_png() -> None:
    geotag = b"\x1c\x02\x19\0\x0cgeo:lat=48.1"
    place = TextChunk(b"tEXt", b"exif:GPSLatitude\x0048/1, 8/1")
    profile = TextChunk(b"tEXt", b"Raw profile type exif\0damaged")
    author = TextChunk(b"tEXt", b"Author\0Jane")
    text = (place, profile, author)
    picture = Picture((Page(scene(8, 8)),), Metadata(iptc=made.IPTC + geotag, text=text))
    kept = decode(encode(picture, "png", 95, strip_gps=True), LIMITS).metadata
    assert (kept.iptc, kept.text) == (made.IPTC, (author,))
    assert losses(picture, "png", strip_gps=True) == (
        "dropped: PNG text that may hold a position (Raw profile type exif), 29 bytes",
        "dropped: PNG text that may hold a position (exif:GPSLatitude), 26 bytes",
    )


def test_places_leave_every_page() -> None:
    packet = HEAD + b' exif:GPSLatitude="48,8.1N">' + END
    metadata = Metadata(later=(Metadata(xmp=packet),))
    assert b"48" not in (without_places(metadata).later[0].xmp or b"")


def test_metadata_without_a_place_stays_byte_for_byte() -> None:
    packet = made.xmp(
        'exif:ISOSpeedLatitudeyyy="1"', "<dc:title>GPS: Latitude 48 by train</dc:title>"
    )
    block = block_of(Field(0x10F, 2, 6, b"Maker\0"))
    metadata = Metadata(block, packet, iptc=made.IPTC, text=(TextChunk(b"tEXt", b"Author\0J"),))
    assert without_places(metadata) == metadata


@pytest.mark.parametrize("part", [b"<a:GPSx", b" a:GPS", b' a:GPSx="', b"<a:li>geo:x=", b"GpsGps"])
def test_hostile_packets_are_searched_in_no_time(part: bytes) -> None:
    start = time.process_time()
    xmp_places.without_places(part * (1_000_000 // len(part)))
    xmp_places.without_places(b" a:" + part * (100_000 // len(part)))
    assert time.process_time() - start < 2
