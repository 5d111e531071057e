"""HEIF and HEIC: the primary picture, its colours and metadata, and the names of the rest."""

from __future__ import annotations

import importlib.util
import struct

import numpy as np
import pytest

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import decode, probe
from sr_core.imaging.codecs.heif.header import composed
from sr_core.imaging.codecs.raster import turned
from sr_core.imaging.codecs.tags import exif
from tests.support import heif_files as made
from tests.support.heif_files import Part, auxiliary, crop, heif, muxed, part_of
from tests.support.image_files import LIMITS, exif_block, scene, srgb_profile
from tests.support.metadata_files import xmp

SCENE = scene(64, 128)  # multiples of 64: x265 codes no padding that a crop has to remove
PART = part_of(heif(SCENE))
PLAIN = decode(muxed([PART]), LIMITS).pages[0].pixels
EXIF_ITEM = Part(b"Exif", bytes(4) + exif_block(6), references=((b"cdsc", (1,)),))


def test_pixels_are_those_that_were_coded() -> None:
    assert np.abs(PLAIN.astype(int) - SCENE).max() <= 1


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_pictures_are_not_cut_to_8_bits(bits: int) -> None:
    deep = scene(64, 128, 3, np.uint16) >> (16 - bits)
    picture = decode(heif(deep, bits), LIMITS)
    assert (picture.mode_in, picture.bit_depth) == ("RGB;16", bits)
    expected = deep / ((1 << bits) - 1) * 65_535
    assert np.abs(picture.pages[0].pixels - expected).max() <= 65_536 >> (bits - 1)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_grey_and_transparency_stay(channels: int, mode: str) -> None:
    samples = scene(64, 128, channels).reshape(64, 128, channels)
    data = heif(samples)
    page = decode(data, LIMITS).pages[0]
    assert probe(data).mode == mode
    assert page.pixels.shape[2] == (1 if channels < 3 else 3)
    assert (page.alpha is not None) == (channels in (2, 4))
    if page.alpha is not None:
        assert np.abs(page.alpha.astype(int) - samples[:, :, -1]).max() <= 1


def test_premultiplied_colours_are_divided_by_their_alpha() -> None:
    alpha = np.full((64, 128), 128, np.uint8)
    half = (SCENE.astype(np.uint16) * 128 // 255).astype(np.uint8)
    colours, matte = part_of(heif(half)), auxiliary(part_of(heif(alpha)), made.ALPHA)
    colours = Part(colours.kind, colours.data, colours.properties, ((b"prem", (2,)),))
    page = decode(muxed([colours, matte]), LIMITS).pages[0]
    assert np.abs(page.pixels.astype(int) - SCENE).max() <= 4


@pytest.mark.parametrize("angle", range(4))
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("mirror_first", [False, True])
def test_rotation_and_mirroring_apply_once_in_their_order(
    angle: int, axis: int | None, mirror_first: bool
) -> None:
    turns = [(b"irot", bytes([angle]))]
    if axis is not None:
        turns.insert(0 if mirror_first else 1, (b"imir", bytes([axis])))
    data = muxed([PART.plus(*turns), EXIF_ITEM])
    expected = PLAIN
    for kind, body in turns:
        if kind == b"irot":
            expected = np.rot90(expected, body[0])
        else:
            expected = expected[::-1] if body[0] == 0 else expected[:, ::-1]
    picture, header = decode(data, LIMITS), probe(data)
    assert np.array_equal(picture.pages[0].pixels, expected)
    assert (header.height_px, header.width_px) == expected.shape[:2]
    assert np.array_equal(turned(PLAIN, header.orientation), expected)
    assert exif.orientation(picture.metadata.exif) == 1


def test_turns_compose_as_pictures_turn() -> None:
    small = np.arange(6).reshape(2, 3).astype(np.uint8)
    for first in range(1, 9):
        for second in range(1, 9):
            one_by_one = turned(turned(small, first), second)
            assert np.array_equal(one_by_one, turned(small, composed(first, second)))


def test_an_exif_orientation_that_the_container_does_not_state_is_named() -> None:
    assert any(
        "EXIF orientation, 6" in each for each in decode(muxed([PART, EXIF_ITEM]), LIMITS).warnings
    )
    turned_too = muxed([PART.plus((b"irot", b"\3")), EXIF_ITEM])
    picture = decode(turned_too, LIMITS)
    assert (picture.orientation_in, picture.warnings) == (6, ())


def test_the_crop_is_applied() -> None:
    # The centre is half a pixel to the right and three down.
    data = muxed([PART.plus((b"clap", crop(21, 30, (1, 2), (3, 1))))])
    left, top = 54, 20  # (128 - 1) / 2 + 1/2 - (21 - 1) / 2; (64 - 1) / 2 + 3 - (30 - 1) / 2
    expected = PLAIN[top : top + 30, left : left + 21]
    assert np.array_equal(decode(data, LIMITS).pages[0].pixels, expected)
    assert (probe(data).width_px, probe(data).height_px) == (21, 30)


def test_a_grid_of_tiles_is_one_picture_with_the_profile_of_its_tiles() -> None:
    large = scene(300, 410)
    icc = srgb_profile()
    data = heif(large, tile_size=128, icc_profile=icc)
    picture = decode(data, LIMITS)
    assert np.abs(picture.pages[0].pixels.astype(int) - large).max() <= 1
    assert picture.metadata.icc == icc  # an sRGB profile is kept as it is
    assert picture.warnings == ()


def test_exif_and_xmp_are_kept_byte_for_byte() -> None:
    block, packet = exif_block(1, gps=True), xmp()
    for prefix in (bytes(4), b"\0\0\0\6Exif\0\0"):
        items = [
            PART,
            Part(b"Exif", prefix + block, references=((b"cdsc", (1,)),)),
            Part(b"mime", packet, references=((b"cdsc", (1,)),), content=b"application/rdf+xml"),
        ]
        metadata = decode(muxed(items), LIMITS).metadata
        assert (metadata.exif, metadata.xmp) == (block, packet)


def test_everything_else_in_the_file_is_named() -> None:
    small = part_of(heif(scene(16, 16)))
    thumbnail = Part(small.kind, small.data, small.properties, ((b"thmb", (1,)),))
    items = [
        PART,
        thumbnail,
        auxiliary(small, made.DEPTH),
        auxiliary(small, made.GAIN_MAP),
        auxiliary(small, made.MATTE),
        small,
        Part(b"mime", xmp(), references=((b"cdsc", (4,)),), content=b"application/rdf+xml"),
        Part(b"uri ", b"data"),
    ]
    behind = made.box(b"mpvd", b"movie") + made.box(b"moov", b"film")
    picture = decode(muxed(items, behind=behind), LIMITS)
    size = len(small.data)
    assert sorted(picture.warnings) == sorted(
        [
            f"dropped: HEIF thumbnail, {size} bytes",
            f"dropped: depth map, {size} bytes",
            f"dropped: gain map, {size} bytes",
            f"dropped: matte, {size} bytes",
            f"dropped: further picture, {size} bytes",
            f"dropped: EXIF or XMP of another picture, {len(xmp())} bytes",
            "dropped: item uri  of HEIF, 4 bytes",
            "dropped: video of a motion photo, 5 bytes",
            "dropped: image sequence or film (moov), 4 bytes",
        ]
    )
    assert np.array_equal(picture.pages[0].pixels, PLAIN)
    assert picture.metadata.xmp is None


def test_of_several_pictures_the_primary_one_is_taken() -> None:
    other = part_of(heif(scene(16, 24)))
    picture = decode(muxed([other, PART], primary=2), LIMITS)
    assert np.array_equal(picture.pages[0].pixels, PLAIN)
    assert picture.warnings == (f"dropped: further picture, {len(other.data)} bytes",)


@pytest.mark.parametrize("brands", [(b"mif1",), (b"mif1", b"avif"), (b"msf1", b"hevc"), (b"avif",)])
def test_the_coding_decides_the_format_not_the_brand(brands: tuple[bytes, ...]) -> None:
    assert probe(muxed([PART], brands=brands)).format == "HEIF"


def test_a_sequence_without_a_picture_is_an_animation() -> None:
    with pytest.raises(ImageError) as caught:
        probe(made.box(b"ftyp", b"hevc", bytes(4), b"hevc") + made.box(b"moov", bytes(40)))
    assert caught.value.error_class is ErrorClass.ANIMATED


@pytest.mark.parametrize("transfer", [16, 18])
@pytest.mark.parametrize("boxed", [True, False])
def test_high_dynamic_range_is_refused(transfer: int, boxed: bool) -> None:
    data = heif(
        SCENE,
        save_nclx_profile=boxed,
        color_primaries=9,
        transfer_characteristics=transfer,
        matrix_coefficients=9,
    )
    assert (b"nclx" in data) == boxed
    with pytest.raises(ImageError, match="high dynamic range") as caught:
        decode(data, LIMITS)
    assert caught.value.error_class is ErrorClass.UNSUPPORTED_COLOUR


def test_colours_of_the_sequence_header_count_if_no_box_states_them() -> None:
    data = heif(SCENE, save_nclx_profile=False, color_primaries=12, transfer_characteristics=13)
    assert decode(data, LIMITS).metadata.icc is not None
    television = heif(SCENE, save_nclx_profile=False, color_primaries=5, transfer_characteristics=6)
    picture = decode(television, LIMITS)
    assert picture.metadata.icc is None
    assert any("television (5, 6)" in each for each in picture.warnings)


def test_limits_are_checked_before_pixels_are_decoded() -> None:
    properties = tuple(
        (kind, struct.pack(">III", 0, 40_000, 30_000) if kind == b"ispe" else body)
        for kind, body in PART.properties
    )
    data = muxed([Part(PART.kind, b"no picture", properties)])
    assert (probe(data).width_px, probe(data).height_px) == (40_000, 30_000)
    with pytest.raises(ImageError) as caught:
        decode(data, LIMITS)
    assert caught.value.error_class is ErrorClass.TOO_LARGE


def test_the_header_is_before_the_picture() -> None:
    data = muxed([PART])
    start = data.index(b"mdat") + 4
    assert probe(data[:start], len(data)) == probe(data)


def test_without_its_library_the_row_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: None if name == "pillow_heif" else found(name, package),
    )
    with pytest.raises(ImageError, match=r"pip install pillow-heif") as caught:
        probe(muxed([PART]))
    assert caught.value.error_class is ErrorClass.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("kind", [b"jpeg", b"avc1", b"unci"])
def test_other_codings_are_named(kind: bytes) -> None:
    with pytest.raises(ImageError, match="coded as") as caught:
        probe(muxed([Part(kind, PART.data, PART.properties)]))
    assert caught.value.error_class is ErrorClass.UNSUPPORTED_FORMAT
