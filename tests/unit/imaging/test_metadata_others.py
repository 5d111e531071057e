"""Metadata of WebP, JPEG XL, GIF, JPEG 2000 and AVIF."""

from __future__ import annotations

import struct

import imagecodecs
import pytest

from sr_core.imaging.codecs import decode, encode
from sr_core.imaging.codecs.tags import exif_block
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, every_format, picture, saved
from tests.support.image_files import exif_block as small_block
from tests.support.metadata_files import box

FILES = every_format()


def jxl(*boxes: bytes) -> bytes:
    start = bytes.fromhex("0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20")
    return start + b"".join(boxes) + box(b"jxlc", bytes(FILES["JXL"]))


def brob(kind: bytes, body: bytes) -> bytes:
    return box(b"brob", kind + bytes(imagecodecs.brotli_encode(body)))


@pytest.mark.parametrize("name", ["jxl", "jpeg", "png", "tiff"])
def test_compressed_boxes_of_jpeg_xl_are_read(name: str) -> None:
    data = jxl(brob(b"Exif", bytes(4) + small_block()), brob(b"xml ", made.xmp()))
    decoded = decode(data, LIMITS)
    assert decoded.warnings == ()
    found = decode(encode(decoded, name, 95), LIMITS).metadata
    maker = exif_block.tree_of(found.exif or b"").tag(0x10F)
    assert maker is not None
    assert maker.value == b"Maker\0"
    assert found.xmp == made.xmp()


def test_boxes_of_jpeg_xl_that_are_dropped_are_named() -> None:
    data = jxl(
        box(b"jumb", b"c2pa"), brob(b"jumb", b"c2pa"), box(b"abcd", b"x"), box(b"brob", b"Exifno")
    )
    names = " ".join(decode(data, LIMITS).warnings)
    for word in ("C2PA manifest (JUMBF) (2 times)", "box abcd", "EXIF data that is damaged"):
        assert word in names


def test_chunks_of_webp_that_are_dropped_are_named() -> None:
    data = saved(picture(), "WEBP", exif=b"Exif\0\0" + small_block())
    extra = b"abcd" + struct.pack("<I", 4) + b"data"
    whole = (
        data[:4] + struct.pack("<I", len(data) - 8 + len(extra)) + data[8:] + extra + b"trailer."
    )
    assert decode(whole, LIMITS).warnings == (
        "dropped: chunk abcd of WebP, 4 bytes",
        "dropped: data after the picture, 8 bytes",
    )


def test_exif_that_no_flag_of_webp_announces_turns_once() -> None:
    data = saved(picture(), "WEBP")
    block = small_block(6)
    extra = b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
    whole = data[:4] + struct.pack("<I", len(data) - 8 + len(extra)) + data[8:] + extra
    decoded = decode(whole, LIMITS)
    assert decoded.pages[0].pixels.shape[:2] == (56, 40)
    assert decode(encode(decoded, "webp", 95), LIMITS).pages[0].pixels.shape[:2] == (56, 40)


def gif(*extensions: bytes) -> bytes:
    data = bytes(FILES["GIF"])
    start = 13 + (3 << ((data[10] & 7) + 1))
    return data[:start] + b"".join(extensions) + data[start:]


def test_comments_and_xmp_of_gif_are_kept() -> None:
    comment = b"\x21\xfe\x07Harbour\x05 1931\0"
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    data = gif(comment, b"\x21\xff\x0bXMP DataXMP" + made.xmp() + trailer)
    decoded = decode(data, LIMITS)
    assert decoded.warnings == ()
    assert decoded.metadata.comments == (b"Harbour 1931",)
    assert decoded.metadata.xmp == made.xmp()
    assert decode(encode(decoded, "png", 95), LIMITS).metadata.xmp == made.xmp()


def test_extensions_of_gif_that_are_dropped_are_named() -> None:
    data = gif(b"\x21\xff\x0bMAKER   1.0\x03abc\0") + b"after"
    assert decode(data, LIMITS).warnings == (
        "dropped: extension of GIF 'MAKER   1.0', 14 bytes",
        "dropped: data after the picture, 5 bytes",
    )


def jp2(inner: bytes, *after: bytes) -> bytes:
    """Return a JPEG 2000 file with more boxes in its header and after its picture."""
    data = bytes(FILES["JPEG2000"])
    at = data.index(b"jp2h") - 4
    length = struct.unpack(">I", data[at : at + 4])[0]
    head = struct.pack(">I", length + len(inner)) + data[at + 4 : at + length] + inner
    rest = data[at + length :]
    place = rest.index(b"jp2c") - 4
    rest = rest[:place] + struct.pack(">I", len(rest) - place) + rest[place + 4 :]
    return data[:at] + head + rest + b"".join(after)


def test_resolution_and_iptc_of_jpeg_2000_are_kept() -> None:
    per_metre = struct.pack(">4H2b", 11811, 100, 5906, 100, 2, 2)
    iptc = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38") + made.IPTC
    data = jp2(box(b"res ", box(b"resc", per_metre)), box(b"uuid", iptc))
    decoded = decode(data, LIMITS)
    assert decoded.metadata.dpi == pytest.approx((150.0, 300.0), rel=1e-3)
    assert decode(encode(decoded, "png", 95), LIMITS).metadata.iptc == made.IPTC


def test_boxes_of_jpeg_2000_that_are_dropped_are_named() -> None:
    place = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03") + b"where"
    names = decode(jp2(b"", box(b"xml ", b"<a/>"), box(b"uuid", place)), LIMITS).warnings
    assert "dropped: box xml of JPEG 2000, 4 bytes" in names
    assert "dropped: position on the ground (GeoJP2), 5 bytes" in names


def test_boxes_of_avif_that_are_dropped_are_named() -> None:
    data = bytes(FILES["AVIF"]) + box(b"mpvd", b"movie") + box(b"abcd", b"x")
    assert decode(data, LIMITS).warnings == (
        "dropped: video of a motion photo, 5 bytes",
        "dropped: box abcd of AVIF, 1 bytes",
    )


def test_a_gif_without_its_end_keeps_its_comment() -> None:
    data = gif(b"\x21\xfe\x07Harbour\0", b"\x21\x01\x03abc\0")
    decoded = decode(data[:-1], LIMITS)
    assert decoded.metadata.comments == (b"Harbour",)
    assert "dropped: text of GIF, 3 bytes" in decoded.warnings
