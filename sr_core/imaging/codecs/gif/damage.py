"""GIF: the rows of a file that ends early, or is damaged within its picture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.raster import Damage
from sr_core.imaging.pixels import Box
from sr_core.scratch import Blob


def readable_part(data: Blob, reason: str) -> tuple[Image.Image, Damage]:
    """Decode the rows before the damage; those of an interlaced file are not adjacent.

    The decoder does not say which pixels it wrote. They are those that come out alike whatever was
    there before.

    Raises: ImageError if the file has no first frame.
    """
    samples = []
    for before in (0, 1):
        image, frame = _decoded(data, before)
        samples.append(np.asarray(image))
    left, top, right, bottom = frame
    same = (samples[0] == samples[1])[top:bottom, left:right].all(axis=1)
    boxes = tuple(_runs(~same, frame))
    image, _ = _decoded(data, None)
    return image, Damage(f"the GIF is damaged: {reason}", boxes)


def _decoded(data: Blob, before: int | None) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Decode what is there.

    Args:
        data: the file.
        before: index that fills the frame first; None leaves what Pillow does.

    Returns: the image, and the place of the frame: left, top, right and bottom.
    """
    image = GifImagePlugin.GifImageFile(io.BytesIO(data))
    if not image.tile:
        raise ImageError(ErrorClass.DECODE, "the GIF has no picture")
    name, place, offset, arguments = image.tile[0]
    image.load_prepare()
    frame = place or (0, 0, *image.size)
    if before is not None:
        image.im.paste(before, (0, 0, *image.size))
    decoder = Image._getdecoder(image.mode, name, arguments, image.decoderconfig)
    decoder.setimage(image.im, frame)
    rest = bytes(data[offset:])
    with suppress(OSError):
        decoder.decode(rest)
    decoder.cleanup()
    image.tile = []
    image.load_end()
    return image, frame


def _runs(lost: NDArray[np.bool_], frame: tuple[int, int, int, int]) -> Iterator[Box]:
    """Yield the adjacent rows of a frame that are lost."""
    left, top, right, _ = frame
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]])))
    for first, last in edges.reshape(-1, 2).tolist():
        yield top + first, top + last, left, right
