"""One file per format and kind of colour information, and what each shows in sRGB.

All are flat. The files are written by the formats' own libraries, with boxes, chunks and tags set
where a library cannot; the expected values come from `colour_oracle`.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tests.support import colour_oracle as oracle
from tests.support.image_files import jpeg_with, saved, tiff
from tests.support.jxl_files import JXL_FILES

RGB = (200, 80, 40)
GREY = 120
SIZE = 16  # px; a multiple of every block, so that flat stays flat
Value = Sequence[float]


class ColourFile(NamedTuple):
    """A file, and the sRGB from 0 to 255 that each of its pages shows."""

    name: str
    data: bytes
    shown: tuple[Value, ...]
    converted: str = ""
    """Words of the warning that says what was converted or dropped; nothing if all was kept."""
    dropped: str = ""
    """Words of a second warning."""
    within: float = 1.0
    """Levels by which the colour may differ: more for lossy formats."""
    alpha: int | None = None
    """Alpha from 0 to 255; None if the picture is opaque."""

    def __str__(self) -> str:
        return self.name


def flat(colour: Sequence[float] = RGB, dtype: Any = np.uint8) -> NDArray[Any]:
    values = np.array(colour) * (257 if dtype == np.uint16 else 1)
    return np.tile(values.astype(dtype), (SIZE, SIZE, 1))


def p3_profile() -> bytes:
    """Return an RGB profile of P3 primaries with gamma 2.2, made by littlecms."""
    triples = [n for x, y in oracle.PRIMARIES["P3"] for n in (x, y, 1.0)]
    icc = imagecodecs.cms_profile(
        "rgb", whitepoint=[0.3127, 0.329, 1], primaries=triples, gamma=2.2
    )
    return bytes(icc)


def grey_profile() -> bytes:
    return bytes(imagecodecs.cms_profile("gray", whitepoint=[0.3127, 0.329, 1], gamma=1.8))


SRGB = (RGB,)
P3_GAMMA = (oracle.rgb_to_srgb(RGB, "P3", oracle.power(2.2)),)
P3 = (oracle.rgb_to_srgb(RGB, "P3", oracle.srgb_curve),)
ADOBE = (oracle.rgb_to_srgb(RGB, "Adobe RGB", oracle.power(563 / 256)),)
GREY_GAMMA = (oracle.rgb_to_srgb([GREY] * 3, "sRGB", oracle.power(1.8)),)

CODE_POINTS = {
    (1, 13): SRGB,
    (12, 13): P3,
    (9, 1): (oracle.rgb_to_srgb(RGB, "BT.2020", oracle.bt709_curve),),
    (9, 14): (oracle.rgb_to_srgb(RGB, "BT.2020", oracle.bt709_curve),),
    (1, 1): (oracle.rgb_to_srgb(RGB, "sRGB", oracle.bt709_curve),),
    (1, 8): (oracle.rgb_to_srgb(RGB, "sRGB", oracle.power(1)),),
    (4, 4): (oracle.rgb_to_srgb(RGB, "NTSC", oracle.power(2.2), "C"),),
    (11, 17): (oracle.rgb_to_srgb(RGB, "P3", oracle.power(2.6), "DCI"),),
    (2, 2): SRGB,
    (12, 2): P3,
}
"""Primaries and transfer characteristics, and what they show."""
UNSUPPORTED_CODE_POINTS = ((9, 16), (9, 18), (1, 9), (200, 13), (12, 200))


def cicp(primaries: int, transfer: int, *, full: int = 1) -> tuple[bytes, bytes]:
    return b"cICP", bytes([primaries, transfer, 0, full])


def png_of(samples: NDArray[Any], *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with chunks before its picture."""
    data = bytes(imagecodecs.png_encode(samples))
    inserted = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return data[:33] + inserted + data[33:]


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


def adobe_exif(*, interoperability: bytes = b"R03\0", colour_space: int = 0xFFFF) -> bytes:
    """Return an EXIF block that names Adobe RGB by its interoperability index."""
    first = struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x8769, 4, 1, 26, 0)
    inner = struct.pack("<HHHIHH", 2, 0xA001, 3, 1, colour_space, 0)
    inner += struct.pack("<HHII", 0xA005, 4, 1, 56) + bytes(4)
    index = struct.pack("<HHHI4sI", 1, 1, 2, 4, interoperability, 0)
    return first + inner + index


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def jp2(samples: NDArray[Any], colour: bytes, *more: bytes) -> bytes:
    """Return a JP2 with a colour specification of its own, and more boxes in its header."""
    stream = bytes(imagecodecs.jpeg2k_encode(samples, level=0, reversible=True, codecformat="j2k"))
    height, width = samples.shape[:2]
    count = samples.shape[2] if samples.ndim == 3 else 1
    depth = 8 * samples.dtype.itemsize - 1
    size = struct.pack(">IIHBBBB", height, width, count, depth, 7, 0, 0)
    head = box(b"jp2h", box(b"ihdr", size) + box(b"colr", colour) + b"".join(more))
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return start + head + box(b"jp2c", stream)


def enumerated(space: int, *parameters: int) -> bytes:
    return struct.pack(f">BBBI{len(parameters)}I", 1, 0, 0, space, *parameters)


def profiled(icc: bytes, method: int = 2) -> bytes:
    return bytes([method, 0, 0]) + icc


def bmp5(colour: bytes, profile: bytes = b"", *, gamma: float = 0, version: int = 124) -> bytes:
    """Return a BMP with a header of version 4 (108 bytes) or 5 and P3 endpoints if calibrated."""
    ends = [0] * 9
    if gamma:
        white = oracle.white_xyz(oracle.WHITES["D65"])
        columns = np.array([[x, y, 1 - x - y] for x, y in oracle.PRIMARIES["P3"]]).T
        columns = columns * np.linalg.solve(columns, white)
        ends = [round(value * (1 << 30)) for value in columns.T.flat]
    rows = flat()[..., ::-1].tobytes()
    head = struct.pack("<IiiHHIIiiII", version, SIZE, SIZE, 1, 24, 0, len(rows), 0, 0, 0, 0)
    head += bytes(16) + colour + struct.pack("<9i3I", *ends, *[round(gamma * 65536)] * 3)
    if version == 124:
        head += struct.pack("<IIII", 4, 124 + len(rows), len(profile), 0)
    start = 14 + len(head)
    size = start + len(rows) + len(profile)
    return b"BM" + struct.pack("<IHHI", size, 0, 0, start) + head + rows + profile


def gif_of(profile: bytes) -> bytes:
    data = saved(Image.fromarray(flat()).quantize(2), "GIF")
    at = 13 + (3 << ((data[10] & 7) + 1))
    parts = [profile[start : start + 255] for start in range(0, len(profile), 255)]
    body = b"".join(bytes([len(part)]) + part for part in parts)
    return data[:at] + b"\x21\xff\x0bICCRGBG1012" + body + b"\0" + data[at:]


def lab(signed: bool, depth: int, values: Value = (50, 40, 30)) -> NDArray[Any]:
    """Return flat CIELAB, as TIFF encodes CIELab (a and b signed) or ICCLab."""
    lightness, *ab = values
    if depth == 8:
        units = [lightness * 2.55, *(value + (0 if signed else 128) for value in ab)]
        return flat([round(value) % 256 for value in units])
    top = 65535 if signed else 0xFF00
    units = [lightness / 100 * top, *((value + (0 if signed else 128)) * 256 for value in ab)]
    return np.tile(np.array([round(value) % 65536 for value in units], np.uint16), (SIZE, SIZE, 1))


def with_tag(data: bytes, tag: int, change: Callable[[bytes], bytes]) -> bytes:
    """Return a little-endian TIFF with the entry of a tag changed in its first directory."""
    first = struct.unpack_from("<I", data, 4)[0]
    for index in range(struct.unpack_from("<H", data, first)[0]):
        at = first + 2 + 12 * index
        if struct.unpack_from("<H", data, at)[0] == tag:
            return data[:at] + change(data[at : at + 12]) + data[at + 12 :]
    raise KeyError(tag)


def without_tag(data: bytes, tag: int) -> bytes:
    """Return a TIFF whose tag is renamed to a private one."""
    return with_tag(data, tag, lambda entry: struct.pack("<H", 0xFFFE) + entry[2:])


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
    yield ColourFile("BMP-icc", bmp5(b"DEBM", icc), P3_GAMMA)
    yield ColourFile("GIF-icc", gif_of(icc), P3_GAMMA)
    grey, grey_icc = np.full((SIZE, SIZE), GREY, np.uint8), grey_profile()
    for name in ("JPEG", "PNG", "TIFF"):
        data = saved(Image.fromarray(grey), name, icc_profile=grey_icc)
        yield ColourFile(f"{name}-grey-icc", data, GREY_GAMMA)
    yield ColourFile("JP2-grey-icc", jp2(grey, profiled(grey_icc)), GREY_GAMMA)


def _code_points() -> Iterator[ColourFile]:
    """Files with code points: PNG, AVIF and JPEG 2000."""
    for (primaries, transfer), shown in CODE_POINTS.items():
        kind = f"{primaries}-{transfer}"
        chunk = cicp(primaries, transfer)
        yield ColourFile(f"PNG-cicp-{kind}", png_of(flat(), chunk), shown)
        yield ColourFile(f"AVIF-nclx-{kind}", avif(primaries, transfer), shown, within=2.5)
        colour = struct.pack(">BBBHHHB", 5, 0, 0, primaries, transfer, 0, 128)
        yield ColourFile(f"JP2-cicp-{kind}", jp2(flat(), colour), shown)


def avif(primaries: int, transfer: int, depth: int = 8) -> bytes:
    samples = flat() if depth == 8 else flat(dtype=np.uint16) >> (16 - depth)
    return bytes(
        imagecodecs.avif_encode(
            samples,
            bitspersample=depth,
            primaries=primaries,
            transfer=transfer,
            matrix=6,
            speed=8,
            level=99,
            pixelformat="444",
        )
    )


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
    values = flat((128, 192, 160))
    lab_shown = oracle.lab_to_srgb((128 / 2.55, (192 - 128) / 255 * 170, (160 - 96) / 255 * 200))
    yield ColourFile("JP2-lab", jp2(values, enumerated(14)), (lab_shown,), "LAB")
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
        yield ColourFile(f"BMP-srgb-{version}", bmp5(b"BGRs", version=version), SRGB)
    yield ColourFile("BMP-linked", bmp5(b"KNIL", b"C:\\x.icc\0"), SRGB, "another file")


def arithmetic(inks: Value) -> Value:
    """Return the sRGB of inks without a profile."""
    *colours, black = inks
    return [(255 - ink) * (255 - black) / 255 for ink in colours]


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
        ("mask-and-alpha", ["unspecified", "unassalpha"], "extra channel"),
        ("alpha-and-mask", ["unassalpha", "unspecified"], "extra channel"),
        ("masks", ["unspecified"] * 3, "extra channel"),
    ):
        for dtype in (np.uint8, np.uint16):
            samples = flat((*RGB, *(range(50, 50 + 9 * len(kinds), 9))), dtype)
            data = tiff(samples, photometric="rgb", extrasamples=kinds)
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
    jpeg = saved(Image.fromarray(flat()), "TIFF", compression="jpeg", quality=100)
    yield ColourFile("TIFF-jpeg", jpeg, SRGB, within=3)


def ycbcr(subsampling: tuple[int, int], *, narrow: bool = False) -> bytes:
    """Return an uncompressed YCbCr TIFF of the flat colour, full or narrow range."""
    red, green, blue = RGB
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    values = [luma, 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402]
    if narrow:
        values = [16 + values[0] * 219 / 255, *(128 + (v - 128) * 224 / 255 for v in values[1:])]
    y, cb, cr = (round(value) for value in values)
    wide, high = subsampling
    unit = bytes([y] * (wide * high) + [cb, cr])
    data = unit * (SIZE // wide * (SIZE // high))
    reference = (16, 235, 128, 240, 128, 240) if narrow else (0, 255, 128, 255, 128, 255)
    entries = [
        (256, 4, 1, SIZE),
        (257, 4, 1, SIZE),
        (258, 3, 3, 0),
        (259, 3, 1, 1),
        (262, 3, 1, 6),
        (273, 4, 1, 0),
        (277, 3, 1, 3),
        (278, 4, 1, SIZE),
        (279, 4, 1, len(data)),
        (530, 3, 2, wide | high << 16),
        (532, 5, 6, 0),
    ]
    after = 8 + 2 + 12 * len(entries) + 4
    bits, ratios, strip = after, after + 6, after + 6 + 48
    places = {258: bits, 532: ratios, 273: strip}
    body = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    for tag, kind, count, value in entries:
        body += struct.pack("<HHII", tag, kind, count, places.get(tag, value))
    body += bytes(4) + struct.pack("<3H", 8, 8, 8)
    body += b"".join(struct.pack("<II", number, 1) for number in reference)
    return body + data


def _tiff_ycbcr() -> Iterator[ColourFile]:
    for subsampling in ((1, 1), (2, 1), (2, 2)):
        for narrow in (False, True):
            name = "TIFF-ycbcr-{}x{}-{}".format(*subsampling, "narrow" if narrow else "full")
            yield ColourFile(name, ycbcr(subsampling, narrow=narrow), SRGB, within=2.5)


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


def colour_files() -> list[ColourFile]:
    """Return the whole corpus."""
    makers = (
        *(_profiles, _code_points, _precedence, _jpeg_xl, _exif, _jpeg_2000, _bmp),
        *(_tiff_inks, _tiff_inks_with_alpha, _tiff_lab, _tiff_others, _tiff_ycbcr, _tiff_pages),
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
    found["AVIF-10-bit-pq"] = avif(9, 16, 10)
    found["PNG-narrow"] = png_of(flat(), cicp(1, 1, full=0))
    found["JP2-e-srgb"] = jp2(flat(), enumerated(20))
    found["JXL-pq"] = JXL_FILES["pq lossless"]
    found["JXL-hlg"] = JXL_FILES["hlg lossy"]
    return found
