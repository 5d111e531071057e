"""JPEG metadata: IPTC, comments, long EXIF and XMP kept; what is dropped is named."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest

from sr_core.imaging.codecs import decode, encode, losses
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.metadata import Metadata
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, exif_block, picture, saved


def again(data: bytes, name: str = "jpeg") -> Metadata:
    """Return the metadata after decoding, encoding and decoding."""
    return decode(encode(decode(data, LIMITS), name, 95), LIMITS).metadata


@pytest.mark.parametrize("part_bytes", [65_519, 40])
@pytest.mark.parametrize("name", ["jpeg", "png", "tiff"])
def test_iptc_of_one_or_several_segments_is_kept(name: str, part_bytes: int) -> None:
    found = again(made.jpeg(*made.iptc_segments(part_bytes=part_bytes)), name)
    assert found.iptc == made.IPTC
    assert found.photoshop == made.resource(0x040A, b"\1")


@pytest.mark.parametrize(
    "body",
    [
        b"Adobe_Photoshop2.5:" + made.resource(0x0404, made.IPTC),
        made.IPTC,
    ],
)
def test_iptc_of_old_programs_is_kept(body: bytes) -> None:
    assert again(made.jpeg((made.APP13, body))).iptc == made.IPTC


def test_exif_with_another_byte_in_its_prefix_turns_once() -> None:
    decoded = decode(made.jpeg((made.APP1, b"Exif\0\xff" + exif_block(6))), LIMITS)
    assert decoded.pages[0].pixels.shape[:2] == (56, 40)
    assert exif.orientation(decoded.metadata.exif) == 1


@pytest.mark.parametrize("name", ["webp", "jxl"])
def test_iptc_is_named_where_no_place_for_it_exists(name: str) -> None:
    decoded = decode(made.jpeg(*made.iptc_segments()), LIMITS)
    assert f"dropped: IPTC data, which {name} cannot hold, {len(made.IPTC)} bytes" in losses(
        decoded, name
    )


def test_resources_about_the_old_pixels_are_dropped_and_named() -> None:
    extra = made.resource(0x040C, b"t" * 31) + made.resource(2000, b"path" * 26, b"Path 1")
    decoded = decode(made.jpeg(*made.iptc_segments(extra)), LIMITS)
    assert decoded.warnings == ("dropped: thumbnail of Photoshop, 31 bytes",)
    assert decoded.metadata.photoshop == made.resource(0x040A, b"\1") + made.resource(
        2000, b"path" * 26, b"Path 1"
    )
    turned = made.jpeg((made.APP1, b"Exif\0\0" + exif_block(6)), *made.iptc_segments(extra))
    assert any("paths" in warning for warning in decode(turned, LIMITS).warnings)


@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_comments_are_kept(name: str) -> None:
    comments = (b"Harbour 1931", "Großmutter".encode(), b"J\xfcrgen")
    data = made.jpeg(*((made.COMMENT, comment) for comment in comments))
    found = again(data, name)
    if name == "jpeg":
        assert found.comments == comments
    else:
        assert [chunk.kind for chunk in found.text] == [b"tEXt", b"iTXt", b"tEXt"]
        assert all(c in t.body for c, t in zip(comments, found.text, strict=True))


@pytest.mark.parametrize("words", ["extkeyword", "long " * 40_000])
def test_extended_xmp_is_kept_and_its_digest_is_true(words: str) -> None:
    main, extended, digest = made.extended_xmp(words)
    found = again(made.jpeg(*made.extended_segments(words)))
    assert (found.xmp, found.extended_xmp) == (main, extended)
    assert hashlib.md5(found.extended_xmp).hexdigest().upper() == digest


@pytest.mark.parametrize("name", ["png", "tiff", "webp", "jxl"])
def test_other_formats_hold_extended_xmp_in_one_packet(name: str) -> None:
    found = again(made.jpeg(*made.extended_segments("far away")), name)
    assert found.extended_xmp is None
    packet = found.xmp or b""
    assert b'photoshop:Instructions="far away"' in packet
    assert b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"' in packet
    assert b'dc:source="album 7"' in packet
    assert b"HasExtendedXMP=" not in packet


def test_an_incomplete_extension_is_named_and_no_longer_referred_to() -> None:
    segments = made.extended_segments("x" * 500, part_bytes=200)
    decoded = decode(made.jpeg(*segments[:-1]), LIMITS)
    assert any("XMP extension" in warning for warning in decoded.warnings)
    assert b"HasExtendedXMP=" not in (decoded.metadata.xmp or b"")


def test_xmp_of_another_format_too_long_for_jpeg_becomes_extended() -> None:
    packet = made.xmp(f'dc:format="{"y" * 70_000}"')
    decoded = decode(saved(picture(), "WEBP", xmp=packet), LIMITS)
    assert losses(decoded, "jpeg") == ()
    found = decode(encode(decoded, "jpeg", 95), LIMITS).metadata
    assert b"y" * 70_000 in (found.extended_xmp or b"")
    assert len(found.xmp or b"") < 1000


def test_long_exif_is_read_and_written_in_several_segments() -> None:
    block = exif_block() + bytes(range(256)) * 400
    parts = [block[at : at + 65_527] for at in range(0, len(block), 65_527)]
    decoded = decode(made.jpeg(*((made.APP1, b"Exif\0\0" + part) for part in parts)), LIMITS)
    assert len(parts) == 2
    assert decoded.metadata.exif is not None
    assert len(decoded.metadata.exif) == len(block)
    assert any("several JPEG segments" in loss for loss in losses(decoded, "jpeg"))
    assert len(again(encode(decoded, "jpeg", 95)).exif or b"") == len(block)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("kind", "letter", "count"),
    [
        *((1, "B", 1), (3, "H", 1), (3, "H", 2), (4, "I", 1), (6, "b", 1), (8, "h", 1)),
        *((9, "i", 1), (11, "f", 1), (12, "d", 1), (16, "Q", 1)),
    ],
)
def test_an_orientation_of_any_type_turns_once(
    kind: int, letter: str, count: int, order: str
) -> None:
    value = struct.pack(f"{order}{count}{letter}", *([6] * count))
    block = made.exif_of_type(kind, count, value, order)
    decoded = decode(made.jpeg((made.APP1, b"Exif\0\0" + block)), LIMITS)
    assert decoded.pages[0].pixels.shape[:2] == (56, 40)
    assert exif.orientation(decoded.metadata.exif) == 1


def test_an_orientation_that_is_no_number_is_upright() -> None:
    block = made.exif_of_type(11, 1, struct.pack("<f", np.nan))
    assert exif.orientation(block) == 1


def test_the_video_of_a_motion_photo_is_named_and_its_marks_are_removed() -> None:
    inner = (
        "<GCamera:MotionPhotoVersion>1</GCamera:MotionPhotoVersion>"
        "<Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Mime='video/mp4'/></rdf:li>"
        "</rdf:Seq></Container:Directory>"
    )
    packet = made.xmp('GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="132"', inner)
    segment = (made.APP1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    decoded = decode(made.jpeg(segment, trailer=made.VIDEO), LIMITS)
    assert any(
        f"video of a motion photo, after the picture, {len(made.VIDEO)} bytes" in warning
        for warning in decoded.warnings
    )
    kept = decoded.metadata.xmp or b""
    assert b'dc:source="album 7"' in kept
    assert kept.endswith(b'></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>')
    for word in (b"GCamera:Mo", b"GCamera:Mi", b"Container:D", b"Item:Mime"):
        assert word not in kept


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        ((made.APP11, b"JP\0\1c2pa"), "C2PA manifest (JUMBF), 8 bytes"),
        ((0xE4, b"Maker\0stuff"), "APP4 segment 'Maker', 11 bytes"),
        ((0xE0, b"JFXX\0\x10thumb"), "JFXX thumbnail, 11 bytes"),
        ((made.APP2, b"MPF\0" + bytes(20)), "index of the pictures beside the main picture (MPF)"),
    ],
)
def test_segments_that_are_dropped_are_named(segment: tuple[int, bytes], name: str) -> None:
    warnings = decode(made.jpeg(segment), LIMITS).warnings
    assert any(name in warning for warning in warnings)


@pytest.mark.parametrize(
    ("trailer", "name"),
    [
        (saved(picture(), "JPEG"), "pictures after the main picture"),
        (b"bytes of a maker" * 9, "data after the picture, 144 bytes"),
        (b"picture" * 30 + b"\0\0SEFT", "trailer of Samsung, 216 bytes"),
        (b"picture" * 30 + b"\0\0QDIOBS", "trailer of Samsung, 218 bytes"),
        (bytes(90) + b"CANON OPTIONAL DATA\0" + bytes(40), "trailer of Canon (VRD), 150 bytes"),
        (bytes(90) + b"\0\0\0Zcbipcbbl", "trailer of PhotoMechanic, 102 bytes"),
        (bytes(90) + b"\0\1\0\0\0d\xa1\xb2\xc3\xd4", "trailer of FotoStation (with IPTC)"),
        (b"AXS!" + bytes(90) + b"AXS!" + bytes(8), "trailer of AFCP (with IPTC), 106 bytes"),
        (b"AXS*" + bytes(90) + b"AXS*" + bytes(8), "trailer of AFCP (with IPTC), 106 bytes"),
        (b"~\x10\4\xfe0MIE~\0\4\0zmie~\0\0\6\0\0\0\1\x10\4", "trailer of MIE (with metadata)"),
        (bytes(90) + b"8db42d694ccc418790edff439fe026bf", "trailer of Insta360, 122 bytes"),
        (b"setting" * 9 + bytes(6) + b"/NIKON APP", "trailer of Nikon's app, 79 bytes"),
        (b"vivo{}" + b"\xff" * 4 + b"\x1b*9HWfu\x84\x93\xa2\xb1", "trailer of Vivo, 21 bytes"),
        (b"{}" * 40 + b"jxrs\0\0\0\0", "trailer of OnePlus, 88 bytes"),
        (
            b"MotionPhoto_Data" + made.VIDEO + b"\0\0SEFT",
            "video of a motion photo, in a trailer of Samsung, 146 bytes",
        ),
    ],
)
def test_bytes_after_the_picture_are_named(trailer: bytes, name: str) -> None:
    warnings = decode(made.jpeg(trailer=trailer), LIMITS).warnings
    assert any(name in warning for warning in warnings)


def test_bytes_after_a_progressive_picture_are_named() -> None:
    data = saved(picture(), "JPEG", progressive=True)
    assert decode(data, LIMITS).warnings == ()
    assert decode(data + b"trailer!" * 3, LIMITS).warnings == (
        "dropped: data after the picture, 24 bytes",
    )
