"""The pictures of a page: thumbnails, and crops of the most detailed part of an image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from sr_core.archive.storage import Store
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import (
    Limits,
    Metadata,
    Page,
    Picture,
    crop,
    decode,
    encode,
    thumbnail,
)
from sr_core.imaging.pixels import Pixels
from sr_core.records import MetricsRow

# Larger images are not shown: images are decoded whole, at 3 bytes per pixel or more.
_LIMITS = Limits(
    max_bytes=1 << 30,
    max_side_px=1 << 20,
    max_source_px=256_000_000,
    max_output_px=256_000_000,
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels or in fractions of an image's width and height."""

    left: float
    top: float
    width: float
    height: float

    def times(self, x: float, y: float) -> Box:
        """Scale both axes."""
        return Box(self.left * x, self.top * y, self.width * x, self.height * y)


@dataclass(frozen=True, slots=True)
class Preview:
    """The pictures of one image; notes explain missing ones."""

    thumbnail: bytes | None = None
    frame: Box | None = None
    """Position of the crops, in fractions of width and height."""
    before: bytes | None = None
    after: bytes | None = None
    notes: tuple[str, ...] = ()


def preview(
    row: MetricsRow,
    outputs: Store,
    sources: Store | None,
    thumbnail_px: int,
    detail_px: int,
    spot: tuple[int, int] | None = None,
) -> Preview:
    """Make a thumbnail of an output, and crops of one part of it and of the source.

    A problem with one image becomes a note instead of an error.

    Args:
        row: row of an image that is ok.
        outputs: the root of the run.
        sources: the source root; None to show only the output.
        thumbnail_px: longest side of the thumbnail.
        detail_px: side of the square crops, in output pixels.
        spot: x and y of the middle of the crops, in output pixels; None for the part with the most
            detail.

    Raises: StorageUnavailableError if a whole store cannot be used.
    """
    try:
        output = open_picture(read_file(outputs, row.output_key, row.output_sha256))
        small = shrink(output, thumbnail_px)
        frame = detail_frame(small, row, detail_px, detail_px, spot)
        shown = Preview(small, frame, after=cut(output, frame))
    except ImageError as error:
        return Preview(notes=(f"the output cannot be shown: {error.message}",))
    if sources is None:
        return shown
    try:
        source = open_picture(read_file(sources, row.key, row.source_sha256))
        return replace(shown, before=cut(source, frame))
    except ImageError as error:
        return replace(shown, notes=(f"the source cannot be shown: {error.message}",))


def read_file(store: Store, key: str | None, sha256: str | None = None) -> bytes:
    """Read an image file to be shown.

    Args:
        store: the store of the file.
        key: its key; None if the table has none.
        sha256: its SHA-256 according to the table, if known.

    Raises: ImageError if the file is missing, too large, or not the one that the table describes.
    """
    if key is None:
        raise ImageError(ErrorClass.NOT_FOUND, "the table has no file for it")
    data, _ = store.read_object(key, max_bytes=_LIMITS.max_bytes)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ImageError(ErrorClass.SOURCE_CHANGED, "it has changed since the run")
    return data


def open_picture(data: bytes) -> Picture:
    """Decode an image file, once for all its pictures.

    Raises: ImageError if it cannot be decoded or is too large.
    """
    return decode(data, _LIMITS)


def detail_frame(
    small: bytes,
    row: MetricsRow,
    width_px: int,
    height_px: int,
    spot: tuple[int, int] | None = None,
) -> Box:
    """Find the part around a spot, or that with the most detail, which shows more than sky.

    Args:
        small: a thumbnail of the image.
        row: has the sizes of source and output.
        width_px: width of the part, in output pixels.
        height_px: height of the part, in output pixels.
        spot: x and y of its middle, in output pixels; None for the most detail.

    Returns:
        The part in fractions of the image; its edges are on whole pixels of the source.

    Raises: ImageError if the row lacks the sizes.
    """
    sizes = (row.width_in_px, row.height_in_px, row.width_out_px, row.height_out_px)
    wide_in, high_in, wide_out, high_out = (size or 0 for size in sizes)
    if not (wide_in and high_in and wide_out and high_out):
        raise ImageError(ErrorClass.INTERNAL, "the table does not have its size")
    width = min(wide_in, max(1, round(width_px * wide_in / wide_out)))
    height = min(high_in, max(1, round(height_px * high_in / high_out)))
    if spot is None:
        pixels = decode(small, _LIMITS).pages[0].pixels
        left, top = _busiest(pixels, width / wide_in, height / high_in)
    else:
        left = spot[0] / wide_out - width / wide_in / 2
        top = spot[1] / high_out - height / high_in / 2
    left_px = min(max(0, round(left * wide_in)), wide_in - width)
    top_px = min(max(0, round(top * high_in)), high_in - height)
    return Box(left_px, top_px, width, height).times(1 / wide_in, 1 / high_in)


def shrink(picture: Picture, box_px: int) -> bytes:
    """Encode the first page as JPEG, at most box_px wide and high."""
    page = picture.pages[0]
    # Large pages are subsampled first: filtering all their pixels would take longer than decoding.
    step = max(1, max(page.pixels.shape[:2]) // (4 * box_px))
    return thumbnail(_as_png(picture, slice(None, None, step), slice(None, None, step)), box_px)


def cut(picture: Picture, frame: Box) -> bytes:
    """Encode a part of the first page as PNG; the part is given in fractions."""
    height, width = picture.pages[0].pixels.shape[:2]
    box = frame.times(width, height)
    left, top, wide, high = (round(each) for each in (box.left, box.top, box.width, box.height))
    part = _as_png(picture, slice(top, top + high), slice(left, left + wide))
    return crop(part, 0, 0, wide, high)


def _as_png(picture: Picture, rows: slice, columns: slice) -> bytes:
    """Encode some rows and columns as PNG, with their colour profile."""
    page = picture.pages[0]
    alpha = None if page.alpha is None else page.alpha[rows, columns].copy()
    part = Page(page.pixels[rows, columns].copy(), alpha)
    return bytes(encode(Picture((part,), Metadata(icc=picture.metadata.icc)), "png", 100))


def _busiest(pixels: Pixels, width_share: float, height_share: float) -> tuple[float, float]:
    """Return left and top, in fractions, of the window with the largest local differences."""
    grey = pixels.astype(np.float32).mean(axis=2)
    energy = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
    rows, columns = energy.shape
    if rows == 0 or columns == 0:
        return 0.0, 0.0
    height = min(rows, max(1, round(height_share * rows)))
    width = min(columns, max(1, round(width_share * columns)))
    sums = np.pad(energy, ((1, 0), (1, 0))).cumsum(0, dtype=np.float64).cumsum(1)
    inside = (
        sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
        + sums[:-height, :-width]
    )  # fmt: skip
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return float(left / columns), float(top / rows)
