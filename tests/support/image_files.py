"""Small image files of every kind, valid and odd, generated in memory."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from sr_core.imaging.codecs import Limits
from tests.support.heif_files import heif

LIMITS = Limits(
    max_bytes=1 << 28, max_side_px=65_500, max_source_px=40_000_000, max_output_px=40_000_000
)


def scene(height: int, width: int, channels: int = 3, dtype: Any = np.uint8) -> NDArray[Any]:
    """Return smooth colours with some texture, (H, W) for one channel, otherwise (H, W, C)."""
    y, x = np.mgrid[0:height, 0:width] / 16
    planes = [np.sin(x + k) * np.cos(y * (k + 1) / 2) for k in range(channels)]
    noise = np.random.default_rng(7).random((height, width, channels)) / 8
    values = np.clip((np.stack(planes, -1) + 1) / 2.3 + noise, 0, 1) * np.iinfo(dtype).max
    return values.astype(dtype)[..., 0] if channels == 1 else values.astype(dtype)


def picture(mode: str = "RGB", height: int = 40, width: int = 56) -> Image.Image:
    """Return the scene in a Pillow mode."""
    if mode == "LAB":
        return ImageCms.profileToProfile(
            picture("RGB", height, width),
            ImageCms.createProfile("sRGB"),
            ImageCms.createProfile("LAB"),
            outputMode="LAB",
        )
    if mode.endswith("A"):
        return Image.fromarray(scene(height, width, 4)).convert(mode)
    return Image.fromarray(scene(height, width)).convert(mode)


def saved(image: Image.Image, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def tiff(samples: NDArray[Any], **options: Any) -> bytes:
    return tiff_of([samples], **options)


def tiff_of(pages: Sequence[NDArray[Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(
        file, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", "<")
    ) as writer:
        for page in pages:
            writer.write(page, metadata=None, **options)
    return file.getvalue()


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (4, 4), idat: bytes = b"") -> bytes:
    """Return a black RGB PNG with extra chunks before its picture."""
    width, height = size
    rows = idat or zlib.compress(bytes((3 * min(width, 64) + 1) * min(height, 64)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), *chunks, (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)


def chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def jpeg_with(data: bytes, *segments: tuple[int, bytes]) -> bytes:
    """Insert marker segments after the start marker of a JPEG file."""
    inserted = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments
    )
    return data[:2] + inserted + data[2:]


def exif_block(orientation: int = 1, *, gps: bool = False, thumbnail: bool = False) -> bytes:
    """Return an EXIF block without its prefix; its maker note holds its own position."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x0132] = "Maker", orientation, "2020:01:02 03:04:05"
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 150.0, 2
    exif[0x8769] = {0x9003: "2020:01:02 03:04:05", 0xA002: 99, 0xA003: 98, 0x927C: b"note" * 9}
    if gps:
        exif[0x8825] = {1: "N", 2: (48.0, 8.0, 15.75), 3: "E", 4: (11.0, 34.0, 48.25)}
    block = bytearray(exif.tobytes().removeprefix(b"Exif\x00\x00"))
    if thumbnail:  # a second directory with one tag, linked from the first
        order = "<" if block[:2] == b"II" else ">"
        count = struct.unpack_from(order + "H", block, 8)[0]
        struct.pack_into(order + "I", block, 10 + 12 * count, len(block))
        block += struct.pack(order + "HHHIII", 1, 0x0103, 3, 1, 6 << (16 * (order == ">")), 0)
    return bytes(block)


@cache  # a profile holds the second in which it was made
def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def press_profile() -> bytes:
    """Return a press ICC profile that maps every mixture of inks to dull green (L 50, a -40, b 0).

    Source: ICC.1:2022, sections 7.2, 10.11 (lut8Type).
    """
    ramp = bytes(range(256))
    one = struct.pack(">i", 1 << 16)
    matrix = b"".join(one if index % 4 == 0 else bytes(4) for index in range(9))
    colours = bytes([255, 128, 128]) + bytes([128, 88, 128]) * 15
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + colours + ramp * 3
    table += bytes(-len(table) % 4)
    head = struct.pack(">I4sI4s4s4s", 144 + len(table), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3I", 63_190, 65_536, 54_061)
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    return head.ljust(128, b"\0") + tags + table


def every_format() -> dict[str, bytes]:
    """Return one valid file of each supported format, by the codecs' name of the format."""
    return {
        "JPEG": saved(picture(), "JPEG", quality=92),
        "PNG": saved(picture(), "PNG"),
        "WEBP": saved(picture(), "WEBP", quality=92),
        "TIFF": saved(picture(), "TIFF", compression="tiff_lzw"),
        "BMP": saved(picture(), "BMP"),
        "GIF": saved(picture("P"), "GIF"),
        "AVIF": saved(picture(), "AVIF", quality=95),
        "HEIF": heif(scene(40, 56)),
        "JPEG2000": saved(picture(), "JPEG2000"),
        "JXL": imagecodecs.jpegxl_encode(scene(40, 56), lossless=True),
    }
