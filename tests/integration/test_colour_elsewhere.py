"""Other programs show the same colours of the files that every kind of colour information is in.

Each reader is compared on the kinds that it follows. `FOLLOWED` lists them; kinds that no reader
follows are in `UNCHECKED`, so that nothing is left out unnoticed.
"""

from __future__ import annotations

import asyncio
import fnmatch
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image

from sr_core.imaging.codecs import decode
from sr_core.imaging.colour import SRGB, build
from tests.support.browser import find_chromium
from tests.support.browser_pixels import Shown, show
from tests.support.colour_files import colour_files
from tests.support.colour_kinds import ColourFile, grey_profile, p3_profile
from tests.support.image_files import LIMITS, picture

FILES = {file.name: file for file in colour_files()}
SUFFIXES = {"JPEG": "jpg", "TIFF": "tif"}
MAGICK = shutil.which("magick") or shutil.which("convert-im6.q16")
Reader = Callable[[ColourFile, Path], NDArray[np.float64]]

FOLLOWED = {
    "chromium": (
        *(
            "PNG-*",
            "JPEG-*",
            "WEBP-icc",
            "AVIF-*",
            "BMP-icc",
            "BMP-srgb-*",
            "BMP-linked",
            "BMP-calibrated-empty-*",
        ),
        *("!*-exif-r03", "!*-exif-2"),
        # It shows BT.709 and BT.2020 by the curve of a display, or by that of sRGB.
        *("!*-1-1", "!*-9-1", "!*-9-14"),
        "!PNG-cicp-12-2",  # it wants both code points
        "!PNG-wrong-cicp",  # it does not open it
        "JXL-*",
        "!JXL-bt2020*",
    ),
    "libvips": (
        *("JPEG-*icc*", "PNG-icc*", "PNG-grey-icc", "PNG-wrong-cicp", "WEBP-icc", "AVIF-icc"),
        *(
            "TIFF-icc",
            "TIFF-icc-16",
            "TIFF-grey-icc",
            "TIFF-pages",
            "TIFF-infrared-*",
            "TIFF-*mask*",
        ),
        *(
            "TIFF-alpha-*",
            "TIFF-planes-*",
            "TIFF-srgb-*",
            "TIFF-jpeg",
            "PNG-cicp-1-13",
            "!PNG-icc-over-srgb",
        ),
    ),
    "magick": (
        *("JPEG-*icc*", "PNG-icc*", "PNG-grey-icc", "PNG-wrong-cicp", "WEBP-icc"),
        *(
            "TIFF-icc",
            "TIFF-icc-16",
            "TIFF-grey-icc",
            "TIFF-pages",
            "TIFF-infrared-*",
            "TIFF-*mask*",
        ),
        *(
            "TIFF-alpha-*",
            "TIFF-planes-*",
            "TIFF-jpeg",
            "TIFF-cmyk-*",
            "TIFF-cielab-*",
            "TIFF-miniswhite-*",
        ),
        *("JP2-icc-2", "JP2-icc-16", "JP2-icc-then-*", "JP2-grey*", "BMP-icc", "GIF-icc"),
        *("TIFF-grey-infrared", "TIFF-ycbcr-1x1-full", "!PNG-icc-over-srgb"),
    ),
    "djxl": ("JXL-*", "!JXL-*icc lossy*"),
    "heif-convert": ("HEIF-icc", "HEIF-nclx-1-13"),
    "opj_decompress": (
        *("JP2-cdef-*", "JP2-cmyk", "JP2-grey*", "JP2-icc-16", "JP2-icc-2", "JP2-icc-then-*"),
        *("JP2-lab*", "JP2-srgb", "JP2-sycc*"),
    ),
    "tiff2rgba": (
        *("TIFF-ycbcr-*", "TIFF-*-without-photometric", "!TIFF-rgb-*", "TIFF-miniswhite-*"),
        *("TIFF-cmyk-uint8-*", "TIFF-palette-?-*"),
    ),
}
"""Kinds that each reader follows; those after an exclamation mark it does not."""

UNCHECKED = (
    *("*-exif-r03", "JPEG-exif-2"),  # viewers ignore the interoperability index
    "HEIF-nclx-*",  # heif-convert drops code points, and no browser reads HEIF
    *("BMP-calibrated-*", "TIFF-chromaticities", "JP2-cicp-*", "JP2-romm", "JP2-icc-3"),
    *(
        "TIFF-icclab-*",
        "JP2-cmyk-icc",
        "TIFF-rgb-without-photometric",
        "TIFF-palette-extra",
        "TIFF-palette-alpha",
    ),
    *("*-1-1", "*-9-1", "*-9-14", "PNG-cicp-12-2"),  # each reader has a curve of its own
)
"""Kinds that no reader here follows: only arithmetic by the standard checks them."""

TOLERANCES = {
    "TIFF-cielab-*": 3,  # relative to D65 rather than D50
    "JP2-lab-d65": 5,  # its samples taken as relative to D50
    "TIFF-cmyk-*": 1.5,
    "TIFF-ycbcr-*": 3,
    "JXL-*": 4,  # lossy, or by another version of libjxl
}
"""Levels of 255 by which a reader may differ from the arithmetic, if not 2 more than ours may."""


def selected(reader: str) -> list[ColourFile]:
    wanted = [each for each in FOLLOWED[reader] if not each.startswith("!")]
    unwanted = [each[1:] for each in FOLLOWED[reader] if each.startswith("!")]
    return [
        file
        for name, file in FILES.items()
        if any(fnmatch.fnmatchcase(name, each) for each in wanted)
        and not any(fnmatch.fnmatchcase(name, each) for each in unwanted)
    ]


def test_every_kind_is_compared_with_a_reader_or_listed_as_unchecked() -> None:
    followed = {file.name for reader in FOLLOWED for file in selected(reader)}
    rest = FILES.keys() - followed
    listed = {name for name in rest if any(fnmatch.fnmatchcase(name, each) for each in UNCHECKED)}
    assert rest == listed


def assert_same(reader: str, file: ColourFile, found: NDArray[np.float64]) -> None:
    within = file.within + 2
    for pattern, value in TOLERANCES.items():
        if fnmatch.fnmatchcase(file.name, pattern):
            within = max(within, value)
    difference = np.abs(found - np.array(file.shown[0])).max()
    assert difference <= within, (reader, file.name, found, file.shown[0])


def saved_in(folder: Path, file: ColourFile) -> Path:
    kind = file.name.partition("-")[0]
    path = folder / f"source.{SUFFIXES.get(kind, kind.lower())}"
    path.write_bytes(file.data)
    return path


def ran(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True, timeout=60)


def mean_of(image: Image.Image) -> NDArray[np.float64]:
    pixels = np.asarray(image.convert("RGBA"), float)
    return np.asarray(pixels[..., :3].mean((0, 1)))


def by_libvips(file: ColourFile, folder: Path) -> NDArray[np.float64]:
    image = pyvips.Image.new_from_buffer(file.data, "")
    profile = folder / "srgb.icc"
    profile.write_bytes(build(SRGB))
    if "icc-profile-data" in image.get_fields():
        image = image.icc_transform(str(profile), embedded=True, intent="relative", depth=8)
    pixels = np.asarray(image.colourspace("srgb").numpy(), float)
    return np.asarray(pixels[..., :3].mean((0, 1)))


def by_magick(file: ColourFile, folder: Path) -> NDArray[np.float64]:
    source, profile = saved_in(folder, file), folder / "srgb.icc"
    profile.write_bytes(build(SRGB))
    assert MAGICK is not None
    ran(MAGICK, f"{source}[0]", "-profile", profile, "-depth", "8", folder / "out.png")
    with Image.open(folder / "out.png") as image:
        return mean_of(image)


def by_djxl(file: ColourFile, folder: Path) -> NDArray[np.float64]:
    ran("djxl", saved_in(folder, file), folder / "out.png")
    # Its PNG has the colours of the file, with a profile.
    return by_libvips(file._replace(data=(folder / "out.png").read_bytes()), folder)


def by_heif_convert(file: ColourFile, folder: Path) -> NDArray[np.float64]:
    ran("heif-convert", saved_in(folder, file), folder / "out.png")
    return by_libvips(file._replace(data=(folder / "out.png").read_bytes()), folder)


def by_opj(file: ColourFile, folder: Path) -> NDArray[np.float64]:
    ran("opj_decompress", "-i", saved_in(folder, file), "-o", folder / "out.png")
    with Image.open(folder / "out.png") as image:
        return mean_of(image)


def by_tiff2rgba(file: ColourFile, folder: Path) -> NDArray[np.float64]:
    ran("tiff2rgba", saved_in(folder, file), folder / "out.tif")
    with Image.open(io.BytesIO((folder / "out.tif").read_bytes())) as image:
        return mean_of(image)


PROGRAMS: dict[str, tuple[Reader, str | None]] = {
    "libvips": (by_libvips, "always"),
    "magick": (by_magick, MAGICK),
    "djxl": (by_djxl, shutil.which("djxl")),
    "heif-convert": (by_heif_convert, shutil.which("heif-convert")),
    "opj_decompress": (by_opj, shutil.which("opj_decompress")),
    "tiff2rgba": (by_tiff2rgba, shutil.which("tiff2rgba")),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_reader_shows_the_same_colours(name: str, tmp_path: Path) -> None:
    reader, program = PROGRAMS[name]
    if program is None:
        pytest.skip(f"{name} is not installed")
    files = selected(name)
    assert files
    for number, file in enumerate(files):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert_same(name, file, reader(file, folder))


@pytest.fixture(scope="module")
def in_browser(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    files = {
        str(number): (file.name.partition("-")[0].lower(), file.data)
        for number, file in enumerate(selected("chromium"))
    }
    return asyncio.run(show(files, tmp_path_factory.mktemp("browser")))


@pytest.mark.skipif(find_chromium() is None, reason="no chromium is installed")
def test_a_browser_shows_the_same_colours(in_browser: Shown) -> None:
    compared = 0
    for number, file in enumerate(selected("chromium")):
        pixels = in_browser.pixels[str(number)]
        if str(number) in in_browser.unknown:
            continue  # a format that this browser does not read
        assert pixels is not None, file.name
        assert_same("chromium", file, pixels[..., :3].mean((0, 1)))
        compared += 1
    assert compared > 40


@pytest.mark.skipif(shutil.which("cjxl") is None, reason="cjxl is not installed")
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_lossy_jpeg_xl_with_a_profile_is_decoded_into_it(mode: str, tmp_path: Path) -> None:
    profile = grey_profile() if mode == "L" else p3_profile()
    image = picture(mode, 61, 83)
    image.save(tmp_path / "source.png", icc_profile=profile)
    ran("cjxl", tmp_path / "source.png", tmp_path / "source.jxl", "-d", "0.2", "-e", "4")
    found = decode((tmp_path / "source.jxl").read_bytes(), LIMITS)
    (page,) = found.pages
    expected = np.asarray(image.convert("RGBA"), float)[..., : page.pixels.shape[2]]
    shown = np.asarray(image.convert("RGBA"))[..., 3] > 128
    assert found.metadata.icc is not None
    assert np.abs(page.pixels - expected)[shown].mean() < 4  # linear light would be 60 off
    assert (page.alpha is not None) == (mode == "RGBA")
