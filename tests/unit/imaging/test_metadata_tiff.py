"""TIFF metadata: tags byte for byte in each page, IPTC of any type, maker notes at their offset."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile

from sr_core.imaging.codecs import Metadata, Page, Picture, decode, encode, losses
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags import exif_block
from sr_core.imaging.codecs.tags.directory import TagFile
from sr_core.imaging.metadata import Losses
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, scene, tiff, tiff_of
from tests.support.image_files import exif_block as small_block

DESCRIPTION, ARTIST, PRIVATE, IPTC = 270, 315, 65_000, 33_723
UTF_8, LATIN_1 = "Großmutter\0".encode(), b"J\xfcrgen\0"
TEXT = [(DESCRIPTION, 2, len(UTF_8), UTF_8, True), (ARTIST, 2, len(LATIN_1), LATIN_1, True)]
NOTE = 0x927C


def tags_of(data: bytes, page: int = 0) -> dict[int, bytes]:
    """Return the bytes of each tag of a page of a TIFF."""
    tags = TagFile(Source(data))
    directory = list(tags.chain())[page]
    return {tag: tags.value(entry) for tag, entry in directory.entries.items()}


def exif_tags(block: bytes | None) -> dict[int, bytes]:
    tree = exif_block.tree_of(block or b"")
    return {field.tag: field.value for field in tree.fields}


def again(data: bytes, name: str = "tiff") -> bytes:
    return bytes(encode(decode(data, LIMITS), name, 95))


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("name", ["tiff", "jpeg", "png", "webp", "jxl"])
def test_text_is_kept_byte_for_byte(name: str, bigtiff: bool, byteorder: str) -> None:
    data = tiff(scene(30, 44), extratags=TEXT, bigtiff=bigtiff, byteorder=byteorder)
    decoded = decode(data, LIMITS)
    assert decoded.warnings == ()
    assert losses(decoded, name) == ()
    output = bytes(encode(decoded, name, 95))
    found = tags_of(output) if name == "tiff" else exif_tags(decode(output, LIMITS).metadata.exif)
    assert (found[DESCRIPTION], found[ARTIST]) == (UTF_8, LATIN_1)


@pytest.mark.parametrize("kind", [1, 2, 4, 7])
@pytest.mark.parametrize("name", ["tiff", "jpeg", "png"])
def test_iptc_of_any_type_is_kept(name: str, kind: int) -> None:
    size = 4 if kind == 4 else 1
    body = made.IPTC.ljust(-(-len(made.IPTC) // 4) * 4, b"\0")
    value = struct.unpack(f"<{len(body) // size}{'I' if size == 4 else 'B'}", body)
    tag = (IPTC, kind, len(value), value if size == 4 else body, True)
    data = tiff(scene(30, 44), extratags=[tag])
    assert decode(again(data, name), LIMITS).metadata.iptc == body


def test_iptc_whose_bytes_were_swapped_as_numbers_is_put_right() -> None:
    body = made.IPTC.ljust(-(-len(made.IPTC) // 4) * 4, b"\0")
    value = struct.unpack(f"<{len(body) // 4}I", body)
    data = tiff(scene(30, 44), extratags=[(IPTC, 4, len(value), value, True)], byteorder=">")
    assert decode(data, LIMITS).metadata.iptc == body


def test_each_page_keeps_its_own_tags_and_resolution() -> None:
    pages = [scene(30, 44), scene(20, 30, 1), scene(22, 26)]
    path = made.tiff_pages(
        [
            (
                page,
                {
                    "extratags": [(PRIVATE, 3, 2, (index, 7), True)],
                    "resolution": (100 + index,) * 2,
                },
            )
            for index, page in enumerate(pages)
        ]
    )
    output = again(path)
    for index in range(3):
        found = tags_of(output, index)
        assert found[PRIVATE] == struct.pack("<HH", index, 7)
        assert struct.unpack("<II", found[0x11A])[0] / struct.unpack("<II", found[0x11A])[1] == (
            100 + index
        )
    once = again(output)
    assert [tags_of(once, index)[PRIVATE] for index in range(3)] == [
        tags_of(output, index)[PRIVATE] for index in range(3)
    ]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_are_the_same_in_either_byte_order(dtype: type) -> None:
    for order in "<>":
        data = tiff(scene(30, 44, 3, dtype), extratags=TEXT, byteorder=order)
        output = again(data)
        assert output[:2] == (b"II" if order == "<" else b"MM")
        np.testing.assert_array_equal(
            decode(output, LIMITS).pages[0].pixels, scene(30, 44, 3, dtype)
        )
        np.testing.assert_array_equal(tifffile_pixels(output), scene(30, 44, 3, dtype))


def tifffile_pixels(data: bytes) -> np.ndarray:
    return np.asarray(tifffile.imread(made.as_file(data)))


def test_a_maker_note_keeps_its_offset_in_a_tiff() -> None:
    block = small_block()
    data = bytes(encode(Picture((Page(scene(30, 44)),), Metadata(exif=block)), "tiff", 95))
    assert data.index(b"note" * 9) == block.index(b"note" * 9)
    inner = exif_block.tree_of(decode(data, LIMITS).metadata.exif or b"")
    note = inner.tag(0x8769, NOTE)
    assert note is not None
    assert note.place == block.index(b"note" * 9)
    again = bytes(encode(decode(data, LIMITS), "jpeg", 95))
    start = again.index(b"Exif\0\0") + 6
    assert again.index(b"note" * 9) - start == block.index(b"note" * 9)


def test_a_maker_note_too_far_away_is_dropped_and_named() -> None:
    tree = exif_block.tree_of(small_block())
    note = tree.tag(0x8769, NOTE)
    assert note is not None
    far, found = tree.with_field(note._replace(place=1 << 20), 0x8769, NOTE), Losses()
    block = exif_block.block_of(far, found)
    assert found.warnings() == ["dropped: maker note, which cannot keep its offset, 36 bytes"]
    assert exif_block.tree_of(block or b"").tag(0x8769, NOTE) is None
    near = tree.with_field(note._replace(place=2000), 0x8769, NOTE)
    kept = exif_block.tree_of(exif_block.block_of(near, Losses()) or b"").tag(0x8769, NOTE)
    assert kept is not None
    assert (kept.place, kept.value) == (2000, note.value)


def test_layers_and_other_large_parts_are_named() -> None:
    layers = (37_724, 7, 12, b"Adobe layers", True)
    data = tiff_of([scene(30, 44)], extratags=[layers], subfiletype=0)
    assert decode(data, LIMITS).warnings == ("dropped: layers of Photoshop, 12 bytes",)
    ground = (33_550, 12, 3, (1.0, 1.0, 0.0), True)
    data = tiff_of([scene(30, 44)], extratags=[ground])
    assert decode(data, LIMITS).warnings == (
        "dropped: size of pixels on the ground (GeoTIFF), 24 bytes",
    )


def test_gps_and_interoperability_come_through_a_tiff() -> None:
    block = small_block(gps=True)
    tree = exif_block.tree_of(block)
    data = bytes(encode(Picture((Page(scene(30, 44)),), Metadata(exif=block)), "tiff", 95))
    found = exif_block.tree_of(decode(data, LIMITS).metadata.exif or b"")
    for tag in (1, 2, 3, 4):
        before, after = tree.tag(0x8825, tag), found.tag(0x8825, tag)
        assert before is not None
        assert after is not None
        assert before.value == after.value


@pytest.mark.parametrize(("kind", "value"), [(1, 6), (11, 6.0), (4, 6), (11, float("nan"))])
def test_an_orientation_of_any_type_turns_a_page_once(kind: int, value: float) -> None:
    data = tiff(scene(30, 44), extratags=[(0x112, kind, 1, value, True)])
    shape = decode(data, LIMITS).pages[0].pixels.shape[:2]
    assert shape == ((30, 44) if value != 6 else (44, 30))
    assert 0x112 not in tags_of(again(data))


def test_tags_too_long_to_keep_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiff(scene(30, 44), extratags=[(PRIVATE, 7, 1089, bytes(range(99)) * 11, True)])
    monkeypatch.setattr("sr_core.imaging.codecs.tags.directory._MAX_VALUE_BYTES", 1000)
    assert decode(data, LIMITS).warnings == (
        "dropped: tag 65000, which is damaged or too long, 1089 bytes",
    )


@pytest.mark.parametrize("big", [False, True])
def test_pages_of_different_byte_orders_are_written_in_one(
    big: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if big:
        monkeypatch.setattr("sr_core.imaging.codecs.tiff.write._CLASSIC_BYTES", 1000)
    blocks = [
        decode(tiff(scene(30, 44), extratags=TEXT, byteorder=order), LIMITS).metadata.exif
        for order in "<>"
    ]
    for first, second in (blocks, blocks[::-1]):
        metadata = Metadata(exif=first, later=(Metadata(exif=second, dpi=(300.0, 300.0)),))
        data = encode(Picture((Page(scene(30, 44)),) * 2, metadata), "tiff", 95)
        found = decode(data, LIMITS)
        assert len(found.pages) == 2
        assert found.metadata.later[0].dpi == (300.0, 300.0)
        for page in (0, 1):
            assert tags_of(bytes(data), page)[DESCRIPTION] == UTF_8
