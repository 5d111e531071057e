"""EXIF, XMP, ICC and resolution: kept, updated for changed pixels, removed on request."""

from __future__ import annotations

import io
import struct
import time
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms

from sr_core.errors import ImageError
from sr_core.imaging.codecs import EXTENSIONS, Metadata, Page, Picture, decode, encode, losses
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.codecs.tags.removal import without_gps
from sr_core.imaging.colour import convert_to_srgb
from sr_core.imaging.metadata import xmp_places
from tests.support.image_files import (
    LIMITS,
    exif_block,
    jpeg_with,
    picture,
    png,
    press_profile,
    saved,
    scene,
    srgb_profile,
)

XMP = (
    b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    b'<rdf:Description tiff:Orientation="6" exif:GPSLatitude="48,8.26N" dc:creator="me">'
    b"<exif:GPSLongitude>11,34.8E</exif:GPSLongitude><exif:GPSVersionID/>"
    b"</rdf:Description></x:xmpmeta><?xpacket end='w'?>"
)
PLACE = struct.pack(">II", 63, 4)  # 15.75 seconds, as in the block's GPS directory


def tags_of(block: bytes | None) -> Image.Exif:
    found = Image.Exif()
    found.load(b"Exif\0\0" + (block or b""))
    return found


def sample(dtype: type = np.uint8, channels: int = 3) -> Picture:
    pixels = scene(30, 44, channels, dtype).reshape(30, 44, channels)
    metadata = Metadata(exif.upright(exif_block(6)), XMP, srgb_profile(), (300.0, 150.0))
    return Picture((Page(pixels),), metadata)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", EXTENSIONS)
def test_every_format_keeps_the_metadata(name: str, dtype: type) -> None:
    before = sample(dtype)
    after = decode(encode(before, name, 95), LIMITS).metadata
    found = tags_of(after.exif)
    assert (found[0x010F], found[0x0132]) == ("Maker", "2020:01:02 03:04:05")
    inner = found.get_ifd(0x8769)
    assert inner[0x9003] == "2020:01:02 03:04:05"
    assert inner[0x927C] == b"note" * 9
    assert found.get(0x0112, 1) == 1
    assert after.xmp is not None
    assert b'dc:creator="me"' in after.xmp
    assert after.icc == (None if name == "jxl" else before.metadata.icc)
    assert after.dpi == pytest.approx((300.0, 150.0), rel=1e-3)


@pytest.mark.parametrize("name", sorted(set(EXTENSIONS) - {"jxl"}))
def test_pillow_finds_the_metadata_too(name: str) -> None:
    with Image.open(io.BytesIO(encode(sample(), name, 95))) as image:
        assert image.getexif()[0x010F] == "Maker"
        assert image.getexif().get_ifd(0x8769)[0xA002] == 44
        assert image.info["icc_profile"] == srgb_profile()
        assert (image.info.get("xmp") or b"").startswith(b"<?xpacket")
        if name != "webp":
            assert image.info["dpi"] == pytest.approx((300, 150), rel=1e-3)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_a_resolution_without_exif_is_kept(name: str) -> None:
    before = replace(sample(), metadata=Metadata(dpi=(240.0, 240.0)))
    after = decode(encode(before, name, 95), LIMITS).metadata
    assert after.dpi == pytest.approx((240.0, 240.0), rel=1e-3)


def test_dots_per_centimetre_are_understood() -> None:
    jfif = bytearray(saved(picture(), "JPEG", dpi=(100, 100)))
    jfif[13] = 2
    assert decode(bytes(jfif), LIMITS).metadata.dpi == (254.0, 254.0)
    data = saved(picture(), "TIFF", resolution_unit=3, x_resolution=100, y_resolution=50)
    assert decode(data, LIMITS).metadata.dpi == (254.0, 127.0)


def test_the_maker_note_stays_where_it_was() -> None:
    block = exif_block(6, thumbnail=True)
    changed = exif.with_size(exif.upright(block), 70_000, 40)
    assert len(changed) == len(block)
    assert changed.index(b"note" * 9) == block.index(b"note" * 9)
    inner = tags_of(changed).get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (70_000, 40)


def test_the_thumbnail_is_unlinked_since_it_shows_the_picture_unturned() -> None:
    block = exif_block(6, thumbnail=True)
    assert tags_of(block).get_ifd(ExifTags.IFD.IFD1)
    assert not tags_of(exif.upright(block)).get_ifd(ExifTags.IFD.IFD1)


def test_xmp_says_upright_too() -> None:
    data = saved(picture(), "JPEG", xmp=XMP, exif=b"Exif\0\0" + exif_block(6))
    kept = decode(data, LIMITS).metadata.xmp or b""
    assert b'tiff:Orientation="1"' in kept
    unturned = decode(saved(picture(), "JPEG", xmp=XMP), LIMITS).metadata.xmp or b""
    assert b'tiff:Orientation="6"' in unturned  # the pixels were not turned
    element = b"<tiff:Orientation>8</tiff:Orientation>"
    assert exif.xmp_upright(element) == element.replace(b"8", b"1")


@pytest.mark.parametrize("name", EXTENSIONS)
def test_places_are_kept_unless_they_are_to_be_removed(name: str) -> None:
    metadata = Metadata(exif_block(gps=True), XMP)
    before = Picture((Page(scene(30, 44)),), metadata)
    kept = decode(encode(before, name, 95), LIMITS).metadata
    assert tags_of(kept.exif).get_ifd(0x8825)[2] == (48.0, 8.0, 15.75)
    assert b"GPSLatitude" in (kept.xmp or b"")
    stripped = encode(before, name, 95, strip_gps=True)
    assert PLACE not in stripped
    assert b"GPSL" not in stripped
    after = decode(stripped, LIMITS).metadata
    assert not tags_of(after.exif).get_ifd(0x8825)
    assert tags_of(after.exif)[0x010F] == "Maker"
    assert tags_of(after.exif).get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert b'dc:creator="me"' in (after.xmp or b"")
    assert losses(before, name, strip_gps=True) == ()


def test_only_the_place_leaves_a_block_and_its_links_stay_whole() -> None:
    block = exif_block(gps=True, thumbnail=True)
    after = without_gps(block)
    assert set(tags_of(block)) - set(tags_of(after)) == {0x8825}
    assert tags_of(after).get_ifd(ExifTags.IFD.IFD1) == {0x0103: 6}
    assert without_gps(after) == after


def test_metadata_whose_place_cannot_be_told_apart_are_removed_whole() -> None:
    utf_16 = XMP.decode().encode("utf-16")
    block = bytearray(exif_block(gps=True))
    at = block.index(struct.pack(">HHI", 0x8825, 4, 1))
    block[at + 8 : at + 12] = b"\xff" * 4  # a dangling link
    before = Picture((Page(scene(8, 8)),), Metadata(bytes(block), utf_16))
    after = decode(encode(before, "png", 95, strip_gps=True), LIMITS).metadata
    assert (after.exif, after.xmp) == (None, None)
    assert any("dropped" in loss for loss in losses(before, "png", strip_gps=True))


def test_hostile_xmp_is_searched_in_no_time() -> None:
    for part in (
        b"<exif:GPSx>",
        b"<exif:GPSx",
        b" ",
        b" exif:GPSx=",
        b' exif:GPSx="',
        b"<exif:GPSx/",
    ):
        start = time.process_time()
        xmp_places.without_places(part * (1_000_000 // len(part)))
        assert time.process_time() - start < 1


def test_impossible_resolutions_are_dropped() -> None:
    for value in (float("nan"), float("inf"), -1.0, 0.0):
        block = bytearray(exif_block())
        order = "<" if block[:2] == b"II" else ">"
        at = block.index(struct.pack(order + "HHI", 0x011A, 5, 1))
        struct.pack_into(order + "HHIf", block, at, 0x011A, 11, 1, value)
        data = saved(picture(), "PNG", exif=b"Exif\0\0" + bytes(block))
        decoded = decode(data, LIMITS)
        assert decoded.metadata.dpi is None
        assert encode(decoded, "png", 95)


def test_exif_of_a_tiff_is_told_from_its_structure() -> None:
    tags = {0x010F: "Maker", 0x0132: "2020:01:02 03:04:05"}
    data = saved(picture(), "TIFF", tiffinfo=tags, compression="tiff_lzw", dpi=(300, 300))
    block = decode(data, LIMITS).metadata.exif
    found = tags_of(block)
    assert {tag: found[tag] for tag in tags} == tags
    assert not {0x0100, 0x0101, 0x0103, 0x0106, 0x0111, 0x0117} & set(found)


def test_metadata_too_long_for_a_jpeg_are_dropped_and_named() -> None:
    before = replace(sample(), metadata=Metadata(xmp=b"x" * 70_000, icc=bytes(100_000)))
    data = encode(before, "jpeg", 95)
    assert len(data) > 100_000
    assert decode(data, LIMITS).metadata.xmp is None
    assert losses(before, "jpeg") == ("dropped: XMP data that does not fit into JPEG, 70029 bytes",)
    assert losses(before, "png") == ()


def test_a_long_icc_profile_comes_back_from_its_segments() -> None:
    profile = srgb_profile() + bytes(range(256)) * 600
    before = replace(sample(), metadata=Metadata(icc=profile))
    assert decode(encode(before, "jpeg", 95), LIMITS).metadata.icc == profile


def test_a_damaged_profile_is_dropped() -> None:
    for profile in (b"no profile" * 30, srgb_profile()[:132], srgb_profile()[:128] + bytes(400)):
        decoded = decode(saved(picture(), "JPEG", icc_profile=profile), LIMITS)
        assert decoded.metadata.icc is None
        assert decoded.warnings == ("dropped: ICC profile that is damaged",)
    grey = decode(saved(picture(), "JPEG", icc_profile=press_profile()), LIMITS)
    assert grey.metadata.icc is None


def test_a_gamma_of_its_own_becomes_a_profile() -> None:
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    primaries = (
        b"cHRM",
        struct.pack(">8I", *[31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000]),
    )
    for chunks in ((gamma,), (primaries,), (gamma, primaries)):
        first, second = (decode(png(*chunks), LIMITS).metadata.icc for _ in range(2))
        assert first is not None
        assert first == second
        ImageCms.ImageCmsProfile(io.BytesIO(first))
    srgb = (b"gAMA", struct.pack(">I", 45_455)), (b"sRGB", b"\0")
    for chunks in ((srgb[0],), (gamma, srgb[1])):
        assert decode(png(*chunks), LIMITS).metadata.icc is None


@pytest.mark.parametrize("gamma", [100_000, 55_556])  # linear, and as on old Macintoshes
def test_jpeg_xl_is_written_in_srgb(gamma: int) -> None:
    profile = decode(png((b"gAMA", struct.pack(">I", gamma))), LIMITS).metadata.icc
    for dtype in (np.uint8, np.uint16):
        values = np.linspace(0, np.iinfo(dtype).max, 64).astype(dtype)
        pixels = np.repeat(values[None, :, None], 3, 2)
        before = Picture((Page(pixels),), Metadata(icc=profile))
        after = decode(encode(before, "jxl", 95), LIMITS).pages[0].pixels
        share = (pixels / np.iinfo(dtype).max) ** (100_000 / gamma)
        curve = np.where(share <= 0.0031308, share * 12.92, 1.055 * share ** (1 / 2.4) - 0.055)
        assert np.abs(after / np.iinfo(dtype).max - curve).max() < 0.01


def test_grey_with_a_profile_goes_to_srgb_where_the_profile_cannot_go_along() -> None:
    profile = decode(
        saved(picture("L"), "PNG")[:33]
        + png((b"gAMA", struct.pack(">I", 100_000)))[33:49]
        + saved(picture("L"), "PNG")[33:],
        LIMITS,
    )
    assert profile.metadata.icc is not None
    assert profile.metadata.icc[16:20] == b"GRAY"
    for name, channels in (("jxl", 1), ("webp", 3)):
        after = decode(encode(profile, name, 95), LIMITS)
        assert after.metadata.icc is None
        assert after.pages[0].pixels.shape == (40, 56, channels)
        assert after.pages[0].pixels.mean() > profile.pages[0].pixels.mean() + 10
        assert "colours were converted to sRGB" in losses(profile, name)


@given(data=st.data())
def test_a_damaged_exif_block_never_raises_anything_else(data: st.DataObject) -> None:
    block = bytearray(exif_block(6, gps=True, thumbnail=True))
    for _ in range(data.draw(st.integers(1, 6))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(block[: data.draw(st.integers(0, len(block)))])
    assert 1 <= exif.orientation(damaged) <= 8
    for change in (exif.upright, without_gps, lambda found: exif.with_size(found, 9, 9)):
        try:
            changed = change(damaged)
        except ImageError:
            continue
        assert len(changed) == len(damaged)
    decoded = decode(jpeg_with(saved(picture(), "JPEG"), (0xE1, b"Exif\0\0" + damaged)), LIMITS)
    for name in ("jpeg", "tiff"):
        assert encode(decoded, name, 95, strip_gps=True)


def test_16_bits_change_their_profile_as_exactly_as_floats_do() -> None:
    """Exact to 0.1 of 255 levels; littlecms's table for 8 bits is off by 14."""
    adobe = imagecodecs.cms_profile(
        "rgb",
        whitepoint=[0.3127, 0.329, 1.0],
        primaries=[0.64, 0.33, 1.0, 0.21, 0.71, 1.0, 0.15, 0.06, 1.0],
        gamma=2.2,
    )
    pixels = np.random.default_rng(0).integers(0, 65_536, (60, 70, 3), np.uint16)
    found = convert_to_srgb(pixels, adobe)
    floats = imagecodecs.cms_transform(
        (pixels / 65_535).astype(np.float32),
        adobe,
        imagecodecs.cms_profile("srgb"),
        colorspace="rgb",
        outcolorspace="rgb",
        outdtype=np.float32,
    )
    expected = np.clip(floats, 0, 1) * 65_535
    assert np.abs(found - expected).max() <= 0.1 * 257
