"""One file per format and kind of colour information, and what each shows in sRGB.

All are flat. The files are written by the formats' own libraries, with boxes, chunks and tags set
where a library cannot.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from tests.support import colour_oracle as oracle
from tests.support.colour_containers import (
    adobe_exif,
    avif,
    bmp5,
    box,
    cicp,
    enumerated,
    gif_of,
    iccp,
    jp2,
    png_of,
    profiled,
)
from tests.support.colour_kinds import (
    ADOBE,
    CODE_POINTS,
    GREY,
    GREY_GAMMA,
    INK_LAB,
    P3,
    P3_GAMMA,
    RGB,
    SIZE,
    SRGB,
    UNSUPPORTED_CODE_POINTS,
    WIDE,
    ColourFile,
    arithmetic,
    flat,
    grey_profile,
    ink_profile,
    p3_profile,
)
from tests.support.colour_tiffs import tiff_files
from tests.support.heif_files import heif
from tests.support.image_files import jpeg_with, saved, tiff
from tests.support.jxl_files import JXL_FILES


def _profiles() -> Iterator[ColourFile]:
    """Files with an ICC profile."""
    icc, image = p3_profile(), Image.fromarray(flat())
    for name, within in (("JPEG", 3), ("PNG", 1), ("WEBP", 4), ("TIFF", 1), ("AVIF", 3)):
        options = {} if name in ("PNG", "TIFF") else {"quality": 100}
        data = saved(image, name, icc_profile=icc, **options)
        yield ColourFile(f"{name}-icc", data, P3_GAMMA, within=within)
    deep = flat(dtype=np.uint16)
    yield ColourFile("PNG-icc-16", png_of(deep, iccp(icc)), P3_GAMMA)
    extra = (34675, 7, len(icc), icc, True)
    yield ColourFile("TIFF-icc-16", tiff(deep, photometric="rgb", extratags=[extra]), P3_GAMMA)
    for method in (2, 3):
        yield ColourFile(f"JP2-icc-{method}", jp2(flat(), profiled(icc, method)), P3_GAMMA)
    yield ColourFile("JP2-icc-16", jp2(deep, profiled(icc)), P3_GAMMA)
    first = box(b"colr", enumerated(16))
    yield ColourFile("JP2-icc-then-enumerated", jp2(flat(), profiled(icc), first), P3_GAMMA)
    both = saved(image, "AVIF", icc_profile=icc, quality=100)
    both = both.replace(b"nclx" + struct.pack(">HH", 2, 2), b"nclx" + struct.pack(">HH", 9, 16))
    yield ColourFile("AVIF-icc-over-nclx", both, P3_GAMMA, within=3)
    yield ColourFile("HEIF-icc", heif(flat(), icc_profile=icc), P3_GAMMA, within=2.5)
    yield ColourFile("BMP-icc", bmp5(b"DEBM", icc), P3_GAMMA)
    yield ColourFile("GIF-icc", gif_of(icc), P3_GAMMA)
    grey, grey_icc = np.full((SIZE, SIZE), GREY, np.uint8), grey_profile()
    for name in ("JPEG", "PNG", "TIFF"):
        data = saved(Image.fromarray(grey), name, icc_profile=grey_icc)
        yield ColourFile(f"{name}-grey-icc", data, GREY_GAMMA)
    yield ColourFile("JP2-grey-icc", jp2(grey, profiled(grey_icc)), GREY_GAMMA)


def _code_points() -> Iterator[ColourFile]:
    """Files with code points: PNG, AVIF, HEIF and JPEG 2000."""
    for (primaries, transfer), shown in CODE_POINTS.items():
        kind = f"{primaries}-{transfer}"
        chunk = cicp(primaries, transfer)
        yield ColourFile(f"PNG-cicp-{kind}", png_of(flat(), chunk), shown)
        yield ColourFile(f"AVIF-nclx-{kind}", avif(primaries, transfer), shown, within=2.5)
        points = {"color_primaries": primaries, "transfer_characteristics": transfer}
        yield ColourFile(f"HEIF-nclx-{kind}", heif(flat(), **points), shown, within=2.5)
        colour = struct.pack(">BBBHHHB", 5, 0, 0, primaries, transfer, 0, 128)
        yield ColourFile(f"JP2-cicp-{kind}", jp2(flat(), colour), shown)
    bare = avif(12, 13).replace(b"colrnclx", b"freenclx")
    yield ColourFile("AVIF-sequence-header-12-13", bare, P3, within=2.5)
    yield ColourFile("AVIF-nclx-12-13-10-bit", avif(12, 13, 10), P3, within=2.5)
    yield ColourFile("AVIF-nclx-9-13-12-bit", avif(9, 13, 12), WIDE, within=2.5)


def _precedence() -> Iterator[ColourFile]:
    """PNG files that state several things."""
    gamma = (b"gAMA", struct.pack(">I", 100_000))
    chromaticities = [value for point in oracle.PRIMARIES["P3"] for value in point]
    points = [round(value * 100_000) for value in (0.3127, 0.329, *chromaticities)]
    chrm = (b"cHRM", struct.pack(">8I", *points))
    srgb, icc, p3 = (b"sRGB", b"\0"), iccp(p3_profile()), cicp(12, 13)
    for name, chunks, shown in (
        ("cicp-over-icc", (icc, p3), P3),
        ("cicp-over-all", (gamma, chrm, srgb, p3, icc), P3),
        ("cicp-srgb-over-icc", (icc, cicp(1, 13)), SRGB),
        ("icc-over-srgb", (srgb, icc), P3_GAMMA),
        ("srgb-over-gamma", (gamma, chrm, srgb), SRGB),
        ("gamma", (gamma,), (oracle.rgb_to_srgb(RGB, "sRGB", oracle.power(1)),)),
        ("gamma-chrm", (gamma, chrm), (oracle.rgb_to_srgb(RGB, "P3", oracle.power(1)),)),
    ):
        yield ColourFile(f"PNG-{name}", png_of(flat(), *chunks), shown)
    wrong = (b"cICP", bytes([12, 13, 1, 1]))
    data = png_of(flat(), icc, wrong)
    yield ColourFile("PNG-wrong-cicp", data, P3_GAMMA, "invalid cICP")


def _jpeg_xl() -> Iterator[ColourFile]:
    wide = (oracle.rgb_to_srgb(RGB, "BT.2020", oracle.bt709_curve),)
    shown = {
        "p3": P3,
        "bt2020": wide,
        "linear": (oracle.rgb_to_srgb(RGB, "sRGB", oracle.power(1)),),
        "gamma": (oracle.rgb_to_srgb(RGB, "sRGB", oracle.power(1.8)),),
        "icc": P3_GAMMA,
        "grey": GREY_GAMMA,
    }
    planes = np.stack([np.full((SIZE, SIZE), level, np.uint8) for level in (GREY, 50)])
    extra = imagecodecs.jpegxl_encode(planes, lossless=True, photometric="minisblack", planar=True)
    yield ColourFile("JXL-grey-extra", bytes(extra), ((GREY,) * 3,), "extra channel")
    for name, data in JXL_FILES.items():
        if name.partition(" ")[0] in shown:
            within = 4 if "lossy" in name else 1
            alpha = 128 if "alpha" in name else None
            first = name.partition(" ")[0]
            yield ColourFile(f"JXL-{name}", data, shown[first], within=within, alpha=alpha)


def _exif() -> Iterator[ColourFile]:
    """Files whose EXIF names Adobe RGB."""
    image, block = Image.fromarray(flat()), adobe_exif()
    data = saved(image, "JPEG", quality=100, subsampling=0)
    body = b"Exif\0\0" + block
    yield ColourFile("JPEG-exif-r03", jpeg_with(data, (0xE1, body)), ADOBE, within=3)
    other = b"Exif\0\0" + adobe_exif(colour_space=2, interoperability=b"R98\0")
    yield ColourFile("JPEG-exif-2", jpeg_with(data, (0xE1, other)), ADOBE, within=3)
    unnamed = b"Exif\0\0" + adobe_exif(interoperability=b"R98\0")
    said = "EXIF says"
    yield ColourFile("JPEG-exif-unnamed", jpeg_with(data, (0xE1, unnamed)), SRGB, said, within=3)
    plain = b"Exif\0\0" + adobe_exif(colour_space=1, interoperability=b"R98\0")
    yield ColourFile("JPEG-exif-srgb", jpeg_with(data, (0xE1, plain)), SRGB, within=3)
    webp = saved(image, "WEBP", lossless=True, exif=block)
    yield ColourFile("WEBP-exif-r03", webp, ADOBE)
    profiled_too = saved(image, "JPEG", quality=100, subsampling=0, icc_profile=p3_profile())
    yield ColourFile(
        "JPEG-icc-over-exif", jpeg_with(profiled_too, (0xE1, body)), P3_GAMMA, within=3
    )


def _jpeg_2000() -> Iterator[ColourFile]:
    """Enumerated colour spaces and channel definitions of JPEG 2000."""
    romm = (oracle.rgb_to_srgb(RGB, "ROMM", oracle.romm_curve, "D50"),)
    grey = np.full((SIZE, SIZE), GREY, np.uint8)
    yield ColourFile("JP2-srgb", jp2(flat(), enumerated(16)), SRGB)
    yield ColourFile("JP2-grey", jp2(grey, enumerated(17)), ((GREY,) * 3,))
    yield ColourFile("JP2-romm", jp2(flat(), enumerated(21)), romm)
    inks = flat((20, 120, 200, 40))
    yield ColourFile(
        "JP2-cmyk", jp2(inks, enumerated(12)), (arithmetic((20, 120, 200, 40)),), "CMYK"
    )
    luma = 0.299 * RGB[0] + 0.587 * RGB[1] + 0.114 * RGB[2]
    parts = (luma, 128 + (RGB[2] - luma) / 1.772, 128 + (RGB[0] - luma) / 1.402)
    sycc = flat([round(part) for part in parts])
    yield ColourFile("JP2-sycc", jp2(sycc, enumerated(18)), SRGB, within=2.5)
    deep = flat(parts, np.uint16)
    yield ColourFile("JP2-sycc-16", jp2(deep, enumerated(18)), SRGB)
    order = b"".join(struct.pack(">3H", *each) for each in ((0, 0, 3), (1, 0, 2), (2, 0, 1)))
    swapped = jp2(sycc[..., ::-1], enumerated(18), box(b"cdef", b"\0\3" + order))
    yield ColourFile("JP2-sycc-cdef", swapped, SRGB, within=2.5)
    values = flat((128, 192, 160))
    lab_shown = oracle.lab_to_srgb((128 / 2.55, (192 - 128) / 255 * 170, (160 - 96) / 255 * 200))
    yield ColourFile("JP2-lab", jp2(values, enumerated(14)), (lab_shown,), "LAB")
    d65 = jp2(values, enumerated(14, 100, 0, 255, 128, 255, 128, 0x00443635))
    d65_shown = oracle.lab_to_srgb((128 / 2.55, 192 - 128, 160 - 128), "D65")
    yield ColourFile("JP2-lab-d65", d65, (d65_shown,), "LAB")
    rgba = np.dstack([flat(), np.full((SIZE, SIZE), 99, np.uint8)])
    for kind, name in ((1, "alpha"), (65535, "unspecified")):
        entries = [(0, 0, 1), (1, 0, 2), (2, 0, 3), (3, kind, 0)]
        body = struct.pack(">H", 4) + b"".join(struct.pack(">3H", *each) for each in entries)
        data = jp2(rgba, enumerated(16), box(b"cdef", body))
        words, alpha = ("", 99) if name == "alpha" else ("extra channel", None)
        yield ColourFile(f"JP2-cdef-{name}", data, SRGB, words, alpha=alpha)


def _bmp() -> Iterator[ColourFile]:
    for version in (108, 124):
        data = bmp5(bytes(4), gamma=2.2, version=version)
        yield ColourFile(f"BMP-calibrated-{version}", data, P3_GAMMA)
        data = bmp5(bytes(4), gamma=1 / 2.2, version=version)
        yield ColourFile(f"BMP-calibrated-inverse-{version}", data, P3_GAMMA)
        yield ColourFile(f"BMP-calibrated-empty-{version}", bmp5(bytes(4), version=version), SRGB)
        yield ColourFile(f"BMP-srgb-{version}", bmp5(b"BGRs", version=version), SRGB)
    yield ColourFile("BMP-linked", bmp5(b"KNIL", b"C:\\x.icc\0"), SRGB, "another file")


def _inks_with_a_profile() -> Iterator[ColourFile]:
    icc, inks = ink_profile(), (255, 0, 0, 0)
    shown, said = (oracle.lab_to_srgb(INK_LAB),), "CMYK converted to sRGB"
    image = Image.fromarray(flat(inks), "CMYK")
    data = saved(image, "JPEG", quality=100, subsampling=0, icc_profile=icc)
    yield ColourFile("JPEG-cmyk-icc", data, shown, said, within=2)
    tags = [(34675, 7, len(icc), icc, True)]
    for dtype in (np.uint8, np.uint16):
        for planar in ("contig", "separate"):
            for tile in (None, (16, 16)):
                samples = flat(inks, dtype)
                samples = np.moveaxis(samples, 2, 0) if planar == "separate" else samples
                options: dict[str, Any] = {"planarconfig": planar, "tile": tile, "extratags": tags}
                data = tiff(samples, photometric="separated", byteorder=">", **options)
                name = f"TIFF-cmyk-icc-{samples.dtype}-{planar}-{'tiles' if tile else 'strips'}"
                yield ColourFile(name, data, shown, said, within=2)
    yield ColourFile("JP2-cmyk-icc", jp2(flat(inks), profiled(icc)), shown, said, within=2)


def colour_files() -> list[ColourFile]:
    """Return the whole corpus."""
    makers = (
        *(_profiles, _code_points, _precedence, _jpeg_xl, _exif, _jpeg_2000, _bmp),
        *(_inks_with_a_profile, tiff_files),
    )
    return [each for maker in makers for each in maker()]


def unsupported_files() -> dict[str, bytes]:
    """Return files whose colours have no equal ICC profile."""
    found = {}
    for primaries, transfer in UNSUPPORTED_CODE_POINTS:
        kind = f"{primaries}-{transfer}"
        found[f"PNG-{kind}"] = png_of(flat(), cicp(primaries, transfer))
        if primaries < 23 and transfer < 19:
            found[f"AVIF-{kind}"] = avif(primaries, transfer)
            points = {"color_primaries": primaries, "transfer_characteristics": transfer}
            found[f"HEIF-{kind}"] = heif(flat(), **points)
    inks = tiff(flat((1, 2, 3, 4)), photometric="separated", extratags=[(332, 3, 1, 2, True)])
    found["TIFF-other-inks"] = inks
    found["AVIF-10-bit-pq"] = avif(9, 16, 10)
    found["PNG-narrow"] = png_of(flat(), cicp(1, 1, full=0))
    found["JP2-e-srgb"] = jp2(flat(), enumerated(20))
    found["JXL-pq"] = JXL_FILES["pq lossless"]
    found["JXL-hlg"] = JXL_FILES["hlg lossy"]
    return found
