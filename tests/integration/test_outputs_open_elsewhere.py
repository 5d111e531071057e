"""Outputs open in Pillow, libvips and Chromium, which show the same pixels."""

from __future__ import annotations

import asyncio
import functools
import io
import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest
import pyvips
import tifffile
from numpy.typing import NDArray
from PIL import Image

from sr_core.imaging.codecs import EXTENSIONS, LOSSY, Metadata, Page, Picture, decode, encode
from sr_core.imaging.codecs.formats import TIFFS
from sr_core.imaging.colour import convert_to_srgb, profile_of
from tests.support.browser import find_chromium
from tests.support.browser_pixels import Shown, show
from tests.support.image_files import LIMITS, exif_block, srgb_profile
from tests.support.large_pictures import take_everything_as_large
from tests.support.photograph import photograph

HEIGHT, WIDTH = 149, 53  # not multiples of a block, and more strips than there are restart markers
MAKE = 0x010F
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
WHITE, PRIMARIES = (0.3127, 0.3290), (0.70, 0.29, 0.20, 0.75, 0.14, 0.04)
GAMMA = 1.8
MOST_LOST = 3  # levels on average

needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="no chromium is installed")


class Kind(NamedTuple):
    """A kind of output file."""

    format: str
    channels: int
    bits: int = 8
    alpha: bool = False
    strips: bool = False

    def __str__(self) -> str:
        words = (
            *(self.format, "grey" if self.channels == 1 else "rgb", str(self.bits)),
            *(["alpha"] if self.alpha else []),
            *(["strips"] if self.strips else []),
        )
        return "-".join(words)


KINDS = [
    Kind(name, channels, bits, alpha, strips)
    for name, channels, bits, alpha, strips in itertools.product(
        EXTENSIONS, (1, 3), (8, 16), (False, True), (False, True)
    )
    if not (bits == 16 and name in LOSSY)
    and not (alpha and name == "jpeg")
    and not (strips and name in ("webp", "jxl"))
]
IN_BROWSER = [kind for kind in KINDS if kind.format not in TIFFS]
PYRAMIDS = [
    Kind("ptif", channels, bits, alpha)
    for channels, bits, alpha in itertools.product((1, 3), (8, 16), (False, True))
]
FOLLOWED = [Kind(name, channels) for name in ("jpeg", "png", "webp") for channels in (1, 3)]


def in_pillow(kind: Kind) -> Any:
    """Mark kinds that Pillow cannot open from any writer; strictly, to notice when it can."""
    unknown = kind.format == "jxl" or kind[:4] == ("tiff", 1, 16, True)
    reason = f"Pillow does not read {kind}"
    error = Image.UnidentifiedImageError
    return pytest.param(
        kind, marks=pytest.mark.xfail(unknown, reason=reason, raises=error, strict=True)
    )


def page(kind: Kind) -> Page:
    """Return a photograph that includes black and white; its alpha covers the full range."""
    dtype = np.uint8 if kind.bits == 8 else np.uint16
    top = np.iinfo(dtype).max
    pixels = photograph(HEIGHT, WIDTH, kind.channels, dtype)
    pixels[:8, :8], pixels[:8, 8:16] = 0, top
    if not kind.alpha:
        return Page(pixels)
    alpha = photograph(HEIGHT, WIDTH, 1, dtype, seed=5)[..., 0]
    alpha[: HEIGHT // 3], alpha[-HEIGHT // 3 :] = top, 0
    return Page(pixels, alpha)


@functools.cache
def written(kind: Kind, *, profile: bool = False) -> bytes:
    """Encode the photograph with metadata, with a profile far from sRGB or as sRGB."""
    icc = srgb_profile() if kind.channels == 3 else None
    if profile:
        icc = profile_of(GAMMA, WHITE, PRIMARIES, grey=kind.channels == 1)
    picture = Picture((page(kind),), Metadata(exif_block(), XMP, icc, (300.0, 300.0)))
    if not kind.strips:
        return bytes(encode(picture, kind.format, 90))
    with pytest.MonkeyPatch.context() as patch:
        take_everything_as_large(patch)
        data = encode(picture, kind.format, 90)
    assert not isinstance(data, bytes)
    return bytes(data)


def samples(page: Page) -> NDArray[Any]:
    """Return pixels and alpha as one array, (H, W, 1..4)."""
    alpha = [] if page.alpha is None else [page.alpha[..., None]]
    return np.concatenate([page.pixels, *alpha], 2)


def stored(kind: Kind) -> NDArray[Any]:
    """Return the samples that every reader must show: those that this project decodes.

    They must equal the encoded ones, or nearly so in lossy formats; otherwise the comparison would
    miss faults of the writer.
    """
    given, found = samples(page(kind)), samples(decode(written(kind), LIMITS).pages[0])
    if kind.format not in LOSSY:
        np.testing.assert_array_equal(found, given)
    elif kind.format == "webp" and kind.channels == 1:
        given = given[..., [0, 0, 0, *range(1, given.shape[2])]]  # WebP is always RGB
    assert np.abs(found.astype(int) - given).mean() < MOST_LOST
    return found


def tolerance(kind: Kind) -> int:
    """Return the levels of 255 by which an 8-bit reader may differ.

    JPEG's inverse DCT may be off by one in each of Y, Cb and Cr, which is 2.8 in a colour (ITU-T
    T.83 and T.871). WebP does not define the conversion from YCbCr exactly. Readers of 16 bits
    truncate or round the lower ones.
    """
    return 3 if kind.format in LOSSY else kind.bits // 16


def in_8_bits(samples: NDArray[Any]) -> NDArray[Any]:
    """Scale samples to levels of 255, with fractions for 16 bits."""
    return samples / (257 if samples.dtype == np.uint16 else 1)


def assert_shown(found: NDArray[Any], expected: NDArray[Any], within: float) -> None:
    """Compare samples; the tolerance is in levels of 255."""
    assert np.abs(found - in_8_bits(expected)).max() <= within


def pillow_samples(image: Image.Image) -> NDArray[Any]:
    array = np.asarray(image)
    native = array.astype(array.dtype.newbyteorder("="))  # a TIFF may be big-endian
    return native.reshape(*array.shape[:2], -1)


def vips_image(data: bytes, **options: Any) -> pyvips.Image:
    """Open a file; any warning of the reader is a failure."""
    return pyvips.Image.new_from_buffer(data, "", fail_on="warning", **options)


def vips_samples(image: pyvips.Image) -> NDArray[Any]:
    array = image.numpy()
    return array.reshape(*array.shape[:2], -1)


@pytest.mark.parametrize("kind", [in_pillow(kind) for kind in KINDS], ids=str)
def test_pillow_opens_it_and_shows_the_same_pixels(kind: Kind) -> None:
    with Image.open(io.BytesIO(written(kind))) as image:
        found = pillow_samples(image)
    expected = stored(kind)
    if kind[:4] == ("png", 1, 16, True):  # Pillow opens it as RGBA
        expected = expected[..., [0, 0, 0, 1]]
    assert found.shape == expected.shape
    if kind.format in LOSSY or found.dtype != expected.dtype:
        # Pillow keeps the upper 8 of 16 bits, except for opaque grey.
        assert kind.format in LOSSY or (kind.channels, kind.alpha) != (1, False)
        assert_shown(found, expected, tolerance(kind))
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_libvips_opens_it_and_shows_the_same_pixels(kind: Kind) -> None:
    loader = "tiff" if kind.format in TIFFS else kind.format
    if not pyvips.type_find("VipsOperation", f"{loader}load_buffer"):
        pytest.skip(f"this libvips has no loader of {kind.format}")
    image = vips_image(written(kind))
    found, expected = vips_samples(image), stored(kind)
    grey = expected.shape[2] < 3
    names = {8: ("srgb", "b-w"), 16: ("rgb16", "grey16")}
    assert image.interpretation == names[kind.bits][grey]
    assert image.hasalpha() == kind.alpha
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    if kind.format in LOSSY:
        assert_shown(found, expected, tolerance(kind))
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("big", [False, True], ids=["tiff", "bigtiff"])
def test_every_page_opens_elsewhere(big: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if big:
        monkeypatch.setattr("sr_core.imaging.codecs.tiff.write._CLASSIC_BYTES", 1000)
    pages = (page(Kind("tiff", 3)), page(Kind("tiff", 1)), page(Kind("tiff", 3, alpha=True)))
    metadata = Metadata(exif_block(), XMP, None, (300.0, 300.0))
    data = bytes(encode(Picture(pages, metadata), "tiff", 90))
    assert (43 if big else 42) in data[2:4]
    assert vips_image(data).get("n-pages") == len(pages)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == len(pages)  # type: ignore[attr-defined]
        for number, each in enumerate(pages):
            image.seek(number)
            np.testing.assert_array_equal(pillow_samples(image), samples(each))
            found = vips_samples(vips_image(data, page=number))
            np.testing.assert_array_equal(found, samples(each))


@pytest.mark.parametrize("big", [False, True], ids=["tiff", "bigtiff"])
@pytest.mark.parametrize("kind", PYRAMIDS, ids=str)
def test_a_pyramid_has_tiles_and_levels_elsewhere(
    kind: Kind, big: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if big:
        monkeypatch.setattr("sr_core.imaging.codecs.tiff.pyramid._CLASSIC_BYTES", 1000)
    dtype = np.uint8 if kind.bits == 8 else np.uint16
    pixels = photograph(700, 1101, kind.channels, dtype)
    alpha = photograph(700, 1101, 1, dtype, seed=5)[..., 0] if kind.alpha else None
    icc = srgb_profile() if kind.channels == 3 else None
    metadata = Metadata(exif_block(), XMP, icc, (300.0, 300.0))
    data = bytes(encode(Picture((Page(pixels, alpha),), metadata), "ptif", 90))
    assert (43 if big else 42) in data[2:4]
    sizes = [(1101, 700), (550, 350), (275, 175), (137, 87)]
    image = vips_image(data)
    assert image.get("n-pages") == len(sizes)
    assert image.get("tile-width") == image.get("tile-height") == 256
    expected = samples(Page(pixels, alpha))
    for level, size in enumerate(sizes):
        found = vips_image(data, page=level)
        assert (found.width, found.height) == size
        assert (found.get("icc-profile-data") if icc else None) == icc
        shrunk = mean_of_squares(expected, level)
        difference = np.abs(
            vips_samples(found)[..., : kind.channels] - shrunk[..., : kind.channels]
        )
        if not kind.alpha:
            assert in_8_bits(difference.astype(dtype)).mean() < 1.5
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        (series,) = file.series  # one picture of several levels, not several pages
        assert [level.shape[1::-1] for level in series.levels] == sizes
        assert [each.tags.valueof(254, 0) for each in file.pages] == [0, 1, 1, 1]
        is_jpeg = kind.bits == 8 and not kind.alpha
        assert {each.compression.name for each in file.pages} == (
            {"JPEG"} if is_jpeg else {"ADOBE_DEFLATE"}
        )
        if not is_jpeg:
            np.testing.assert_array_equal(file.pages[0].asarray().reshape(expected.shape), expected)


def mean_of_squares(pixels: NDArray[Any], level: int) -> NDArray[np.int64]:
    """Return the mean of squares of 2 ** level pixels; what is left at the edges is left out."""
    step = 1 << level
    height, width = (side // step for side in pixels.shape[:2])
    cut = pixels[: height * step, : width * step].astype(float)
    parts = cut.reshape(height, step, width, step, -1)
    return np.rint(parts.mean((1, 3))).astype(np.int64)


@pytest.mark.parametrize("channels", [1, 3], ids=["grey", "rgb"])
@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "ptif"])
def test_others_find_the_metadata(name: str, channels: int) -> None:
    data = written(Kind(name, channels), profile=True)
    # WebP is always RGB: grey was converted to sRGB, as losses() reports.
    icc = None
    if (name, channels) != ("webp", 1):
        icc = profile_of(GAMMA, WHITE, PRIMARIES, grey=channels == 1)
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[MAKE] == "Maker"
        assert image.info["xmp"] == XMP
        assert image.info.get("icc_profile") == icc
    read = vips_image(data)
    fields = read.get_fields()
    assert read.get("xmp-data") == XMP
    assert (read.get("icc-profile-data") if "icc-profile-data" in fields else None) == icc
    # libvips does not read the EXIF of TIFF or the resolution of WebP.
    assert name in TIFFS or "exif-ifd0-Make" in fields
    assert name == "webp" or read.xres * 25.4 == pytest.approx(300, rel=1e-4)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Show every kind of file in Chromium; those with a profile are named profile-*."""
    files = {str(kind): (kind.format, written(kind)) for kind in IN_BROWSER}
    for kind in FOLLOWED:
        files[f"profile-{kind}"] = (kind.format, written(kind, profile=True))
    return asyncio.run(show(files, tmp_path_factory.mktemp("browser")))


def seen_error(found: NDArray[np.uint8], expected: NDArray[Any]) -> NDArray[Any]:
    """Return the visible difference of colours, weighted by their opacity."""
    levels = in_8_bits(expected)
    return np.abs(found[..., :3] - levels[..., :-1]).max(2) * levels[..., -1] / 255


@needs_chromium
@pytest.mark.parametrize("kind", IN_BROWSER, ids=str)
def test_a_browser_opens_it_and_shows_the_same_pixels(kind: Kind, shown: Shown) -> None:
    if kind.format == "jxl" and str(kind) in shown.unknown:
        pytest.skip("this chromium does not read JPEG XL")
    found, expected = shown.pixels[str(kind)], stored(kind)
    assert found is not None
    if not kind.alpha:
        opaque = np.full((HEIGHT, WIDTH, 1), np.iinfo(expected.dtype).max, expected.dtype)
        expected = np.concatenate([expected, opaque], 2)
    assert found.shape[:2] == expected.shape[:2]
    assert_shown(found[..., 3], expected[..., -1], kind.bits // 16)
    within = tolerance(kind)
    if (kind.format, kind.bits) == ("jxl", 16):
        within = 3  # the browser dithers grey by this much
    error = seen_error(found, expected)
    opaque_here = expected[..., -1] == np.iinfo(expected.dtype).max
    assert error[opaque_here].max() <= within
    # Transparent colours are rounded twice more: premultiplied for the canvas and divided again.
    assert error.max() <= within + 2


@needs_chromium
@pytest.mark.parametrize("kind", FOLLOWED, ids=str)
def test_a_browser_follows_the_profile(kind: Kind, shown: Shown) -> None:
    picture = decode(written(kind, profile=True), LIMITS)
    pixels = picture.pages[0].pixels
    found = shown.pixels[f"profile-{kind}"]
    assert found is not None
    if picture.metadata.icc is None:
        assert (kind.format, kind.channels) == ("webp", 1)
        expected = pixels
    else:
        expected = convert_to_srgb(pixels, picture.metadata.icc)
        assert np.abs(found[..., :3].astype(int) - pixels).max() > 10
    # One level for another implementation of the same curves.
    assert_shown(found[..., :3], expected, tolerance(kind) + 1)


@needs_chromium
def test_a_browser_complains_of_nothing(shown: Shown) -> None:
    assert shown.complaints == []
