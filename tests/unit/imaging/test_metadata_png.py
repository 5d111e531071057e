"""PNG metadata: EXIF anywhere, raw profiles, text and time kept; what is dropped is named."""

from __future__ import annotations

import time

import pytest

from sr_core.imaging.codecs import NeedMoreBytes, decode, encode, losses, probe
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.metadata import Metadata, TextChunk
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, chunk, exif_block, png

TEXT = (
    (b"tEXt", b"Author\0J\xfcrgen"),
    (b"zTXt", b"Title\0\0x\x9c+\xce\xc8,\x06\x00\x05\x1b\x01\xcc"),
    (b"iTXt", "Description\0\0\0de\0Titel\0Großmutter".encode()),
)


def again(data: bytes, name: str = "png") -> Metadata:
    return decode(encode(decode(data, LIMITS), name, 95), LIMITS).metadata


def after_picture(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (6, 4)) -> bytes:
    whole = png(size=size)
    end = whole.index(b"IEND") - 4
    return whole[:end] + b"".join(chunk(*each) for each in chunks) + whole[end:]


def test_text_and_time_are_kept_byte_for_byte() -> None:
    time = b"\x07\x8b\x05\x04\x03\x02\x01"
    found = again(png(*TEXT, (b"tIME", time)))
    assert found.text == tuple(TextChunk(*each) for each in TEXT)
    assert found.modified == time


def test_text_after_the_picture_is_kept_too() -> None:
    assert again(after_picture(*TEXT)).text == tuple(TextChunk(*each) for each in TEXT)


@pytest.mark.parametrize("name", ["jpeg", "tiff", "webp", "jxl"])
def test_text_is_named_where_no_place_for_it_exists(name: str) -> None:
    found = losses(decode(png(*TEXT), LIMITS), name)
    assert any("PNG text (Author, Title, Description)" in loss for loss in found)


def test_exif_after_the_picture_turns_it_once() -> None:
    data = after_picture((b"eXIf", exif_block(6)))
    decoded = decode(data, LIMITS)
    assert decoded.pages[0].pixels.shape[:2] == (6, 4)
    assert exif.orientation(decoded.metadata.exif) == 1
    assert decode(encode(decoded, "png", 95), LIMITS).pages[0].pixels.shape[:2] == (6, 4)


def test_exif_with_the_prefix_of_jpeg_turns_once() -> None:
    decoded = decode(png((b"eXIf", b"Exif\0\0" + exif_block(6)), size=(6, 4)), LIMITS)
    assert decoded.pages[0].pixels.shape[:2] == (6, 4)
    assert exif.orientation(decoded.metadata.exif) == 1


def test_a_prefix_of_the_file_is_enough_for_its_header() -> None:
    data = after_picture((b"tEXt", b"Author\0" + b"me" * 99), (b"eXIf", exif_block(6)))
    header = probe(data[: data.index(b"Author")], len(data))
    assert (header.width_px, header.height_px) == (6, 4)
    with pytest.raises(NeedMoreBytes):
        probe(data[:20], len(data))


def test_an_exif_chunk_counts_before_a_raw_profile() -> None:
    profile = made.raw_profile(b"exif", b"Exif\0\0" + exif_block(6))
    decoded = decode(png(profile, (b"eXIf", exif_block(1)), size=(6, 4)), LIMITS)
    assert decoded.pages[0].pixels.shape[:2] == (4, 6)
    assert any("raw profile beside an eXIf chunk" in each for each in decoded.warnings)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("name", [b"exif", b"APP1"])
def test_exif_of_a_raw_profile_is_kept_as_exif(name: bytes, compressed: bool) -> None:
    profile = made.raw_profile(name, b"Exif\0\0" + exif_block(6), compressed=compressed)
    data = png(profile, size=(6, 4))
    assert decode(data, LIMITS).pages[0].pixels.shape[:2] == (6, 4)
    assert again(data).exif == exif.with_size(exif.upright(exif_block(6)), 4, 6)


def test_iptc_and_xmp_of_raw_profiles_are_kept() -> None:
    resources = made.resource(0x0404, made.IPTC)
    for content in (b"Photoshop 3.0\0" + resources, resources, made.IPTC):
        assert again(png(made.raw_profile(b"iptc", content))).iptc == made.IPTC
    assert again(png(made.raw_profile(b"xmp", made.xmp()))).xmp == made.xmp()


def test_a_damaged_raw_profile_stays_as_text() -> None:
    chunk = (b"tEXt", b"Raw profile type exif\0\nexif\n  9999\nabcd\n")
    assert again(png(chunk)).text == (TextChunk(*chunk),)


def test_chunks_that_are_dropped_are_named() -> None:
    warnings = decode(png((b"oFFs", bytes(9)), (b"caBX", b"c2pa" * 5)), LIMITS).warnings
    assert "dropped: PNG chunk oFFs, 9 bytes" in warnings
    assert "dropped: C2PA manifest, 20 bytes" in warnings
    assert "dropped: data after the picture, 5 bytes" in decode(png() + b"extra", LIMITS).warnings


@pytest.mark.parametrize(
    "text", [b" " * 300_000, b"\n" * 300_000, b"exif\n" + b"9" * 5000 + b"\nab"]
)
def test_hostile_raw_profiles_take_no_time(text: bytes) -> None:
    started = time.process_time()
    assert decode(png((b"tEXt", b"Raw profile type exif\0" + text)), LIMITS).metadata.text
    assert time.process_time() - started < 2
