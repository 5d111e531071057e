"""HEIF files: coded by pillow-heif, and containers with any items and properties."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray

from sr_core.imaging.codecs.heif.items import read_items
from sr_core.imaging.codecs.source import Source

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
HEVC_BRANDS = (b"heic", b"mif1")
ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
DEPTH = b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth"
GAIN_MAP = b"urn:com:apple:photo:2020:aux:hdrgainmap"
MATTE = b"urn:com:apple:photo:2018:aux:portraiteffectsmatte"


def heif(samples: NDArray[Any], bits: int = 8, **options: Any) -> bytes:
    """Return a file of samples of `bits` bits, (H, W) or (H, W, 1..4).

    By default as lossless as YCbCr of 4:4:4 is, about 1 of 255.
    """
    samples = samples if samples.ndim == 3 else samples[:, :, None]
    height, width, channels = samples.shape
    mode = _MODES[channels] + (f";{bits}" if bits > 8 else "")
    file = pillow_heif.from_bytes(mode, (width, height), np.ascontiguousarray(samples).tobytes())
    chosen = {"quality": -1, "chroma": 444, "full_range_flag": 1, **options}
    found = io.BytesIO()
    file.save(found, **chosen)
    return found.getvalue()


@dataclass(frozen=True, slots=True)
class Part:
    """An item of a container that `muxed` makes; items are numbered from 1."""

    kind: bytes
    data: bytes
    properties: tuple[tuple[bytes, bytes], ...] = ()
    references: tuple[tuple[bytes, tuple[int, ...]], ...] = ()
    content: bytes = b""
    hidden: bool = False

    def plus(self, *properties: tuple[bytes, bytes]) -> Part:
        """Return the item with more properties, which apply after the others."""
        return replace(self, properties=(*self.properties, *properties))


def part_of(data: bytes) -> Part:
    """Return the primary picture of a file, without metadata."""
    source = Source(data)
    items = read_items(source)
    assert items is not None
    number = items.primary
    found = tuple((each.kind, each.body) for each in items.properties[number])
    return Part(items.all[number].kind, items.data(source, number), found)


def auxiliary(picture: Part, kind: bytes, of: int = 1) -> Part:
    """Return a picture as an auxiliary one of another, such as its depth map."""
    return replace(
        picture.plus((b"auxC", bytes(4) + kind + b"\0")),
        references=((b"auxl", (of,)),),
        hidden=True,
    )


def crop(width: int, height: int, right: tuple[int, int], down: tuple[int, int]) -> bytes:
    """Return a clap property; offsets of the centre are fractions."""
    return struct.pack(">IIIIiIiI", width, 1, height, 1, *right, *down)


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I", len(body) + 8) + kind + body


def muxed(
    parts: Sequence[Part],
    primary: int = 1,
    brands: Sequence[bytes] = HEVC_BRANDS,
    behind: bytes = b"",
) -> bytes:
    """Return a file of items, the data of all in one mdat box."""
    head = box(b"ftyp", brands[0], bytes(4), *brands)
    start = len(head) + len(_meta(parts, primary, 0)) + 8
    mdat = box(b"mdat", *(part.data for part in parts))
    return head + _meta(parts, primary, start) + mdat + behind


def _meta(parts: Sequence[Part], primary: int, start: int) -> bytes:
    infos, links, places, linked = [], [], [], []
    properties: list[bytes] = []
    for number, part in enumerate(parts, 1):
        flags = struct.pack(">I", 2 << 24 | part.hidden)
        words = b"\0" + (part.content + b"\0" if part.content else b"")
        infos.append(box(b"infe", flags, struct.pack(">HH", number, 0), part.kind, words))
        places.append(struct.pack(">HHHII", number, 0, 1, start, len(part.data)))
        start += len(part.data)
        for kind, targets in part.references:
            count = len(targets)
            links.append(box(kind, struct.pack(f">HH{count}H", number, count, *targets)))
        indices = []
        for kind, body in part.properties:
            if box(kind, body) not in properties:
                properties.append(box(kind, body))
            indices.append(properties.index(box(kind, body)) + 1)
        linked.append(struct.pack(">HB", number, len(indices)) + bytes(indices))
    count = struct.pack(">H", len(parts))
    ipma = box(b"ipma", bytes(4), struct.pack(">I", len(parts)), *linked)
    return box(
        b"meta",
        bytes(4),
        box(b"hdlr", bytes(8), b"pict", bytes(13)),
        box(b"pitm", bytes(4), struct.pack(">H", primary)),
        box(b"iloc", bytes(4), b"\x44\0", count, *places),
        box(b"iinf", bytes(4), count, *infos),
        box(b"iref", bytes(4), *links) if links else b"",
        box(b"iprp", box(b"ipco", *properties), ipma),
    )
