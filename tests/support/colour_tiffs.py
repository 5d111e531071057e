"""One TIFF per kind of colour: inks, Lab, YCbCr, fax, extra channels, pages."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from tests.support import colour_oracle as oracle
from tests.support.colour_containers import (
    lab,
    palette_tiff,
    with_tag,
    without_tag,
    ycbcr,
)
from tests.support.colour_kinds import (
    ADOBE,
    GREY,
    GREY_GAMMA,
    P3_GAMMA,
    RGB,
    SIZE,
    SRGB,
    ColourFile,
    arithmetic,
    flat,
    grey_profile,
    p3_profile,
)
from tests.support.image_files import saved, tiff


def _tiff_inks() -> Iterator[ColourFile]:
    inks = (20, 120, 200, 40)
    for dtype, planar in ((d, p) for d in (np.uint8, np.uint16) for p in ("contig", "separate")):
        samples = flat(inks, dtype)
        samples = np.moveaxis(samples, 2, 0) if planar == "separate" else samples
        for compression in (None, "deflate", "lzw"):
            data = tiff(
                samples, photometric="separated", planarconfig=planar, compression=compression
            )
            name = f"TIFF-cmyk-{samples.dtype}-{planar}-{compression}"
            yield ColourFile(name, data, (arithmetic(inks),), "CMYK")


def _tiff_inks_with_alpha() -> Iterator[ColourFile]:
    inks = (20, 120, 200, 40)
    for dtype in (np.uint8, np.uint16):
        samples = flat((*inks, 77), dtype)
        data = tiff(samples, photometric="separated", extrasamples=["unassalpha"])
        name = f"TIFF-cmyk-alpha-{samples.dtype}"
        yield ColourFile(name, data, (arithmetic(inks),), "CMYK", alpha=77)
        data = tiff(samples, photometric="separated", extrasamples=["unspecified"])
        name = f"TIFF-cmyk-spot-{samples.dtype}"
        yield ColourFile(name, data, (arithmetic(inks),), "CMYK", "extra channel")


def _tiff_lab() -> Iterator[ColourFile]:
    shown = (oracle.lab_to_srgb((50, 40, 30)),)
    for depth in (8, 16):
        for signed, kind in ((True, "cielab"), (False, "icclab")):
            data = tiff(lab(signed, depth), photometric=kind)
            yield ColourFile(f"TIFF-{kind}-{depth}", data, shown, "LAB", within=2.5 / depth * 8)
    points = (318, 5, 2, (3127, 10000, 3290, 10000), True)
    data = tiff(lab(True, 16), photometric="cielab", extratags=[points])
    d65 = (oracle.lab_to_srgb((50, 40, 30), "D65"),)
    yield ColourFile("TIFF-cielab-d65", data, d65, "LAB")


def _tiff_others() -> Iterator[ColourFile]:
    """Grey, fax, YCbCr, extra channels and calibration of TIFF."""
    for dtype in (np.uint8, np.uint16):
        grey = flat([255 - GREY], dtype)[..., 0]
        data = tiff(grey, photometric="miniswhite")
        yield ColourFile(f"TIFF-miniswhite-{grey.dtype}", data, ((GREY,) * 3,))
    fax = Image.new("1", (SIZE, SIZE), 0)
    for compression in ("group3", "group4", "tiff_ccitt"):
        data = without_tag(saved(fax, "TIFF", compression=compression), 262)
        # Pillow stores black as 0; without the tag 0 is white.
        yield ColourFile(f"TIFF-{compression}-without-photometric", data, ((255,) * 3,))
    data = without_tag(tiff(flat(), photometric="rgb"), 262)
    yield ColourFile("TIFF-rgb-without-photometric", data, SRGB)
    for name, kinds, words in (
        ("infrared", ["unspecified"], "extra channel"),
        ("alpha", ["unassalpha"], ""),
        ("planes", ["unassalpha"], ""),
        ("mask-and-alpha", ["unspecified", "unassalpha"], "extra channel"),
        ("alpha-and-mask", ["unassalpha", "unspecified"], "extra channel"),
        ("masks", ["unspecified"] * 3, "extra channel"),
    ):
        for dtype in (np.uint8, np.uint16):
            samples = flat((*RGB, *(range(50, 50 + 9 * len(kinds), 9))), dtype)
            planar = "separate" if name == "planes" else "contig"
            samples = np.moveaxis(samples, 2, 0) if name == "planes" else samples
            data = tiff(samples, photometric="rgb", extrasamples=kinds, planarconfig=planar)
            alpha = 50 + 9 * kinds.index("unassalpha") if "unassalpha" in kinds else None
            yield ColourFile(f"TIFF-{name}-{samples.dtype}", data, SRGB, words, alpha=alpha)
    grey = flat((GREY, 60))
    data = tiff(grey, photometric="minisblack", extrasamples=["unspecified"])
    yield ColourFile("TIFF-grey-infrared", data, ((GREY,) * 3,), "extra channel")
    points = [round(v * 1000) for point in oracle.PRIMARIES["P3"] for v in point]
    tags = [
        (319, 5, 6, [n for v in points for n in (v, 1000)], True),
        (318, 5, 2, [3127, 10000, 3290, 10000], True),
    ]
    yield ColourFile(
        "TIFF-chromaticities", tiff(flat(), photometric="rgb", extratags=tags), P3_GAMMA
    )
    srgb = [round(v * 1000) for point in oracle.PRIMARIES["sRGB"] for v in point]
    tags = [(319, 5, 6, [n for v in srgb for n in (v, 1000)], True), tags[1]]
    data = tiff(flat(), photometric="rgb", extratags=tags)
    yield ColourFile("TIFF-srgb-chromaticities", data, SRGB)
    jpeg = saved(Image.fromarray(flat()), "TIFF", compression="jpeg", quality=100)
    yield ColourFile("TIFF-jpeg", jpeg, SRGB, within=3)


def _tiff_palettes() -> Iterator[ColourFile]:
    """Palettes of 1 to 8 bits with 16-bit colours, and with the 8-bit ones of some writers."""
    for depth in (1, 4, 8):
        for scale in (257, 1):
            data = palette_tiff(depth, scale)
            yield ColourFile(f"TIFF-palette-{depth}-{scale}", data, SRGB)
    yield ColourFile("TIFF-palette-alpha", palette_tiff(8, 257, 2), SRGB, alpha=0x63)
    yield ColourFile("TIFF-palette-extra", palette_tiff(8, 257, 0), SRGB, "extra channel")


def _tiff_ycbcr() -> Iterator[ColourFile]:
    for subsampling in ((1, 1), (2, 1), (2, 2)):
        for narrow in (False, True):
            name = "TIFF-ycbcr-{}x{}-{}".format(*subsampling, "narrow" if narrow else "full")
            yield ColourFile(name, ycbcr(subsampling, narrow=narrow), SRGB, within=2.5)


def _tiff_exif() -> Iterator[ColourFile]:
    """A TIFF whose EXIF directory names Adobe RGB."""
    data = tiff(flat(), photometric="rgb", extratags=[(65000, 4, 1, 1, True)])
    at = len(data) + len(data) % 2
    inner = struct.pack("<HHHIHH", 2, 0xA001, 3, 1, 0xFFFF, 0)
    inner += struct.pack("<HHII", 0xA005, 4, 1, at + 30) + bytes(4)
    index = struct.pack("<HHHI4sI", 1, 1, 2, 4, b"R03\0", 0)
    link = struct.pack("<HHII", 34665, 4, 1, at)
    linked = with_tag(data, 65000, lambda _: link)
    yield ColourFile("TIFF-exif-r03", linked.ljust(at, b"\0") + inner + index, ADOBE)


def _tiff_pages() -> Iterator[ColourFile]:
    """Pages with profiles of their own, and without."""
    pages: list[dict[str, Any]] = []
    icc, grey_icc = p3_profile(), grey_profile()
    for profile in (icc, None, grey_icc):
        tags = [] if profile is None else [(34675, 7, len(profile), profile, True)]
        pages.append({"extratags": tags})
    samples = [flat(), flat(), np.full((SIZE, SIZE), GREY, np.uint8)]
    kinds = ["rgb", "rgb", "minisblack"]
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page, kind, options in zip(samples, kinds, pages, strict=True):
            writer.write(page, metadata=None, photometric=kind, **options)
    shown = (P3_GAMMA[0], RGB, GREY_GAMMA[0])
    yield ColourFile("TIFF-pages", file.getvalue(), shown)


def tiff_files() -> Iterator[ColourFile]:
    """Return every TIFF."""
    makers = (
        *(_tiff_inks, _tiff_inks_with_alpha, _tiff_lab, _tiff_others, _tiff_palettes, _tiff_ycbcr),
        *(_tiff_exif, _tiff_pages),
    )
    return (each for maker in makers for each in maker())
