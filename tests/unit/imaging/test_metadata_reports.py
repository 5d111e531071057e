"""Reported files whose metadata was lost: each comes through, or is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sr_core.imaging.codecs import Picture, decode, encode
from sr_core.imaging.codecs.tags import exif, exif_block
from tests.support.image_files import LIMITS

EXIF, NOTE, TAKEN = 0x8769, 0x927C, 0x9003


def after(shared: Path, name: str, wanted: str) -> tuple[Picture, Picture]:
    """Return the reported picture, and its output read again."""
    data = (shared / "data" / "odd" / "reports" / name).read_bytes()
    decoded = decode(data, LIMITS)
    return decoded, decode(encode(decoded, wanted, 95), LIMITS)


def test_exif_that_cjxl_compressed_comes_through(shared: Path) -> None:
    for wanted in ("jxl", "jpeg"):
        found = after(shared, "jxl_brob_exif_lost.jxl", wanted)[1]
        assert value(found, EXIF, TAKEN).startswith(b"2019:05:04 03:02:01")
        assert value(found, 0x8825, 2)


def value(picture: Picture, *path: int) -> bytes:
    field = exif_block.tree_of(picture.metadata.exif or b"").tag(*path)
    return b"" if field is None else field.value


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *(("jpeg_iptc_lost.jpg", name) for name in ("jpeg", "png", "tiff")),
        *(("tiff_iptc_as_long_destroyed.tif", name) for name in ("tiff", "jpeg", "png")),
    ],
)
def test_iptc_comes_through(shared: Path, name: str, wanted: str) -> None:
    iptc = after(shared, name, wanted)[1].metadata.iptc or b""
    for word in (b"harbour", b"1931"):
        assert word in iptc


def test_a_comment_comes_through(shared: Path) -> None:
    assert after(shared, "jpeg_comment_lost.jpg", "jpeg")[1].metadata.comments == (b"Harbour 1931",)


@pytest.mark.parametrize("wanted", ["jpeg", "png", "tiff", "webp", "jxl"])
def test_extended_xmp_comes_through(shared: Path, wanted: str) -> None:
    found = after(shared, "jpeg_extended_xmp_lost.jpg", wanted)[1].metadata
    assert b"extkeyword" in (found.extended_xmp or found.xmp or b"")
    assert (b"HasExtendedXMP=" in (found.xmp or b"")) == (wanted == "jpeg")


@pytest.mark.parametrize("wanted", ["jpeg", "tiff"])
def test_a_canon_maker_note_is_readable_at_its_offset(shared: Path, wanted: str) -> None:
    before, found = after(shared, "jpeg_makernote_broken_by_format_tiff.jpg", wanted)
    assert value(found, EXIF, NOTE) == value(before, EXIF, NOTE) != b""
    places = [
        field.place
        for picture in (before, found)
        if (field := exif_block.tree_of(picture.metadata.exif or b"").tag(EXIF, NOTE)) is not None
    ]
    assert places[0] == places[1]


def test_the_video_of_a_motion_photo_is_named(shared: Path) -> None:
    before, found = after(shared, "jpeg_motion_photo_stale_xmp.jpg", "jpeg")
    assert any("video of a motion photo" in warning for warning in before.warnings)
    assert b"MotionPhoto=" not in (found.metadata.xmp or b"")
    assert b"MicroVideoOffset" not in (found.metadata.xmp or b"")


def test_an_orientation_stored_as_byte_turns_once(shared: Path) -> None:
    before, found = after(shared, "jpeg_orientation_as_byte_turned_twice.jpg", "jpeg")
    assert before.pages[0].pixels.shape[:2] == (48, 32)
    assert exif.orientation(found.metadata.exif) == 1


def test_exif_after_the_picture_of_a_png_turns_it(shared: Path) -> None:
    before, found = after(shared, "png_exif_after_idat_turn_lost.png", "png")
    assert before.pages[0].pixels.shape[:2] == found.pages[0].pixels.shape[:2] == (48, 32)


@pytest.mark.parametrize("wanted", ["png", "jpeg"])
def test_the_raw_profile_of_a_png_comes_through(shared: Path, wanted: str) -> None:
    assert value(after(shared, "png_raw_profile_lost.png", wanted)[1], EXIF, TAKEN).startswith(
        b"2019:05:04"
    )


@pytest.mark.parametrize("wanted", ["tiff", "jpeg"])
def test_tags_of_a_big_endian_bigtiff_come_through(shared: Path, wanted: str) -> None:
    found = after(shared, "tiff_bigtiff_big_endian_tags_lost.tif", wanted)[1]
    assert value(found, 0x10E).startswith(b"Harbour")


@pytest.mark.parametrize("wanted", ["tiff", "jpeg", "png"])
def test_text_comes_through_byte_for_byte(shared: Path, wanted: str) -> None:
    found = after(shared, "tiff_text_becomes_question_marks.tif", wanted)[1]
    assert value(found, 0x10E).rstrip(b"\0") == "Großmutter".encode()
    assert value(found, 0x13B).rstrip(b"\0") == b"J\xfcrgen"
