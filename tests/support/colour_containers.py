"""Files whose boxes, chunks and tags of colour are set where their libraries cannot."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support import colour_oracle as oracle
from tests.support.colour_kinds import (
    RGB,
    SIZE,
    Value,
    flat,
)
from tests.support.image_files import saved


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
    stream = bytes(
        imagecodecs.jpeg2k_encode(samples, level=0, reversible=True, codecformat="j2k", mct=False)
    )
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


def raw_tiff(tags: dict[int, tuple[int, Sequence[int]]], strip: bytes) -> bytes:
    """Return a little-endian TIFF of one strip: tags by number, each a type and its values."""
    letters = {3: "H", 4: "I", 5: "II"}
    tags = {
        256: (4, [SIZE]),
        257: (4, [SIZE]),
        259: (3, [1]),
        273: (4, [0]),
        278: (4, [SIZE]),
        279: (4, [len(strip)]),
        **tags,
    }
    after = 8 + 2 + 12 * len(tags) + 4
    tags[273] = (4, [after])
    entries, values = b"", strip
    for tag, (kind, numbers) in sorted(tags.items()):
        count = len(numbers) // len(letters[kind])
        packed = struct.pack(f"<{len(numbers)}{letters[kind][0]}", *numbers)
        if len(packed) > 4:
            values += bytes(len(values) % 2)
            packed, values = struct.pack("<I", after + len(values)), values + packed
        entries += struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + values


def palette_tiff(depth: int, scale: int, extra: int | None = None) -> bytes:
    """Return a palette TIFF whose pixels all have index 1; `extra` is a kind of extra sample."""
    table = [[0, value * scale, *[0] * ((1 << depth) - 2)] for value in RGB]
    row = {1: b"\xff" * (SIZE // 8), 4: b"\x11" * (SIZE // 2), 8: b"\1" * SIZE}[depth]
    tags = {
        258: (3, [depth]),
        262: (3, [3]),
        277: (3, [1]),
        320: (3, [value for row in table for value in row]),
    }
    if extra is not None:
        row = b"\1\x63" * SIZE
        tags |= {258: (3, [8, 8]), 277: (3, [2]), 338: (3, [extra])}
    return raw_tiff(tags, row * SIZE)


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
    tags = {258: (3, [8, 8, 8]), 262: (3, [6]), 277: (3, [3]), 530: (3, [wide, high])}
    ratios = [part for number in reference for part in (number, 1)]
    return raw_tiff(tags | {532: (5, ratios)}, data)
