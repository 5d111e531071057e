"""Animations of one frame are stills, and the clean aperture of an AVIF is applied."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from sr_core.errors import ErrorClass
from sr_core.imaging.codecs import decode, probe
from tests.support.decoding import refusal, samples
from tests.support.image_files import LIMITS, chunk, picture, saved


def apng(frames: int) -> bytes:
    data = saved(picture(), "PNG")
    control = struct.pack(">IIIIIHHBB", 0, 56, 40, 0, 0, 1, 10, 0, 0)
    extra = chunk(b"acTL", struct.pack(">II", frames, 0)) + chunk(b"fcTL", control)
    return data[:33] + extra + data[33:]


def animated_webp(size: tuple[int, int]) -> bytes:
    """Write an animation of one frame on a canvas of a size."""
    picture_chunk = saved(picture(), "WEBP", lossless=True)[12:]
    sides = [(side - 1).to_bytes(3, "little") for side in (*size, 56, 40)]
    frame = bytes(6) + sides[2] + sides[3] + bytes(4) + picture_chunk
    body = b"WEBP" + riff(b"VP8X", b"\2\0\0\0" + sides[0] + sides[1])
    body += riff(b"ANIM", bytes(6)) + riff(b"ANMF", frame)
    return riff(b"RIFF", body)


def riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body


def test_a_png_with_the_marks_of_an_animation_of_one_frame_is_a_still() -> None:
    found = decode(apng(1), LIMITS)
    np.testing.assert_array_equal(samples(found.pages[0]), np.asarray(picture()))
    assert refusal(apng(2)) is ErrorClass.ANIMATED


def test_a_gif_of_one_frame_is_a_still() -> None:
    frame = picture("P")
    found = decode(saved(frame, "GIF", save_all=True, loop=0, duration=50), LIMITS)
    np.testing.assert_array_equal(samples(found.pages[0]), np.asarray(frame.convert("RGB")))


def test_a_webp_animation_of_one_frame_is_a_still_if_the_frame_fills_it() -> None:
    found = decode(animated_webp((56, 40)), LIMITS)
    np.testing.assert_array_equal(samples(found.pages[0]), np.asarray(picture()))
    assert refusal(animated_webp((80, 60))) is ErrorClass.ANIMATED


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start + 8 <= end:
        length = int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], start, length
        start += length


def place(data: bytes, *path: bytes) -> tuple[int, int]:
    """Return position and length of a box."""
    start, end = 0, len(data)
    found, length = 0, 0
    for kind in path:
        found, length = next(
            (at, size) for each, at, size in boxes(data, start, end) if each == kind
        )
        start, end = found + (12 if kind == b"meta" else 8), found + length
    return found, length


def with_aperture(data: bytes, wide: int, high: int, right: int, down: int) -> bytes:
    """Add a clean aperture to an AVIF of Pillow, whose only item is the picture."""
    clap = struct.pack(">I4s8i", 40, b"clap", wide, 1, high, 1, right, 1, down, 1)
    store, store_length = place(data, b"meta", b"iprp", b"ipco")
    link, link_length = place(data, b"meta", b"iprp", b"ipma")
    number = 1 + sum(1 for _ in boxes(data, store + 8, store + store_length))
    body = data[link + 8 : link + link_length]
    count = body[10]
    body = (
        body[:10] + bytes([count + 1, 0x80 | number]) + body[11 : 11 + count] + body[11 + count :]
    )
    grown = bytearray(data[: store + store_length] + clap + data[store + store_length : link])
    grown += struct.pack(">I", 8 + len(body)) + b"ipma" + body + data[link + link_length :]
    more = len(clap) + 1
    for path, change in (((b"meta",), more), ((b"meta", b"iprp"), more)):
        at, length = place(data, *path)
        grown[at : at + 4] = struct.pack(">I", length + change)
    grown[store : store + 4] = struct.pack(">I", store_length + len(clap))
    items, length = place(data, b"meta", b"iloc")
    old = struct.pack(">I", data.index(b"mdat") + 4)
    at = bytes(grown).index(old, items, items + length)
    grown[at : at + 4] = struct.pack(">I", data.index(b"mdat") + 4 + more)
    return bytes(grown)


def avif() -> bytes:
    return saved(picture(height=64, width=96), "AVIF", quality=90)


@pytest.mark.parametrize(
    ("aperture", "shown"),
    [
        ((64, 32, 0, 0), (16, 48, 16, 80)),
        ((64, 32, -16, 16), (32, 64, 0, 64)),
        ((96, 64, 0, 0), (0, 64, 0, 96)),
    ],
)
def test_the_clean_aperture_of_an_avif_is_what_is_shown(
    aperture: tuple[int, int, int, int], shown: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = shown
    data = with_aperture(avif(), *aperture)
    whole = decode(avif(), LIMITS).pages[0].pixels
    found = decode(data, LIMITS).pages[0].pixels
    np.testing.assert_array_equal(found, whole[top:bottom, left:right])
    header = probe(data)
    assert (header.width_px, header.height_px) == (right - left, bottom - top)


def test_a_clean_aperture_that_leaves_nothing_is_ignored() -> None:
    found = decode(with_aperture(avif(), 8, 8, 900, 0), LIMITS)
    assert found.pages[0].pixels.shape == (64, 96, 3)


def test_libvips_shows_the_same_part() -> None:
    pyvips = pytest.importorskip("pyvips")
    data = with_aperture(avif(), 64, 32, -16, 16)
    image = pyvips.Image.new_from_buffer(data, "")
    with Image.open(io.BytesIO(image.write_to_buffer(".png"))) as seen:
        expected = np.asarray(seen.convert("RGB")).astype(int)
    difference = np.abs(decode(data, LIMITS).pages[0].pixels - expected)
    assert difference.mean() < 3  # chroma is upsampled in another way; one pixel beside is 7


@pytest.mark.parametrize(
    "frames",
    [b"", b",\0\0\0\0\0\0\x28\0\0\2\2L\1\0", b"!\xfe\5hello\0"],
    ids=["no frame", "no width", "a comment alone"],
)
def test_a_gif_without_a_picture_is_no_damaged_one(frames: bytes) -> None:
    head = b"GIF89a\x38\0\x28\0\x80\0\0\0\0\0\xff\xff\xff"
    assert refusal(head + frames + b";") is ErrorClass.UNSUPPORTED_FORMAT
