"""The small pictures of a page: thumbnails, and the most detailed part of an image."""

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

# Larger images are not shown: one at a time is decoded whole, at 3 bytes a pixel or more.
_LIMITS = Limits(
    max_bytes=1 << 30,
    max_side_px=1 << 20,
    max_source_px=256_000_000,
    max_output_px=256_000_000,
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels or in shares of an image's width and height."""

    left: float
    top: float
    width: float
    height: float

    def times(self, x: float, y: float) -> Box:
        """Scale both axes."""
        return Box(self.left * x, self.top * y, self.width * x, self.height * y)


@dataclass(frozen=True, slots=True)
class Preview:
    """What can be shown of one image; the notes say why something is missing."""

    thumbnail: bytes | None = None
    frame: Box | None = None
    """Where the details were taken, in shares of width and height."""
    before: bytes | None = None
    after: bytes | None = None
    notes: tuple[str, ...] = ()


def preview(
    row: MetricsRow, outputs: Store, sources: Store | None, thumbnail_px: int, detail_px: int
) -> Preview:
    """Show an output, and its most detailed part beside the same part of the source.

    What is wrong with one image becomes a note and is never raised.

    Args:
        row: of an image that is ok.
        outputs: the run's root.
        sources: the source root; None: only the output is shown.
        thumbnail_px: longest side of the thumbnail.
        detail_px: side of the square detail, in output pixels.

    Raises: StorageUnavailableError where a whole store cannot be used.
    """
    try:
        output = open_picture(read_file(outputs, row.output_key, row.output_sha256))
        small = shrink(output, thumbnail_px)
        frame = detail_frame(small, row, detail_px, detail_px)
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
    """Read an image file that is to be shown.

    Args:
        store: holds it.
        key: None: the table names no file.
        sha256: of the bytes that the table describes, if it knows them.

    Raises: ImageError where it is not there, too large, or not the one that the table describes.
    """
    if key is None:
        raise ImageError(ErrorClass.NOT_FOUND, "the table names no file")
    data, _ = store.read_object(key, max_bytes=_LIMITS.max_bytes)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ImageError(ErrorClass.SOURCE_CHANGED, "it has changed since the run")
    return data


def open_picture(data: bytes) -> Picture:
    """Decode an image file once, for all that is shown of it.

    Raises: ImageError where it cannot be decoded, or is too large to be.
    """
    return decode(data, _LIMITS)


def detail_frame(small: bytes, row: MetricsRow, width_px: int, height_px: int) -> Box:
    """Find the part with the most detail, in shares, so that a crop shows more than sky.

    It begins and ends on whole pixels of the source.

    Args:
        small: a thumbnail of the image.
        row: says how large source and output are.
        width_px: how wide the part is, in output pixels.
        height_px: how high.

    Raises: ImageError where the row does not know the sizes.
    """
    sizes = (row.width_in_px, row.height_in_px, row.width_out_px, row.height_out_px)
    wide_in, high_in, wide_out, high_out = (size or 0 for size in sizes)
    if not (wide_in and high_in and wide_out and high_out):
        raise ImageError(ErrorClass.INTERNAL, "the table does not say how large it is")
    width = min(wide_in, max(1, round(width_px * wide_in / wide_out)))
    height = min(high_in, max(1, round(height_px * high_in / high_out)))
    left, top = _busiest(decode(small, _LIMITS).pages[0].pixels, width / wide_in, height / high_in)
    left_px = min(round(left * wide_in), wide_in - width)
    top_px = min(round(top * high_in), high_in - height)
    return Box(left_px, top_px, width, height).times(1 / wide_in, 1 / high_in)


def shrink(picture: Picture, box_px: int) -> bytes:
    """Make a JPEG file of the first page, at most box_px wide and high."""
    page = picture.pages[0]
    # Far more pixels than the box has are thinned out first: filtering them all would take longer
    # than decoding them.
    step = max(1, max(page.pixels.shape[:2]) // (4 * box_px))
    return thumbnail(_as_png(picture, slice(None, None, step), slice(None, None, step)), box_px)


def cut(picture: Picture, frame: Box) -> bytes:
    """Make a PNG file of a part, given in shares, of the first page."""
    height, width = picture.pages[0].pixels.shape[:2]
    box = frame.times(width, height)
    left, top, wide, high = (round(each) for each in (box.left, box.top, box.width, box.height))
    part = _as_png(picture, slice(top, top + high), slice(left, left + wide))
    return crop(part, 0, 0, wide, high)


def _as_png(picture: Picture, rows: slice, columns: slice) -> bytes:
    """Encode some rows and columns, with the profile that says what their colours are."""
    page = picture.pages[0]
    alpha = None if page.alpha is None else page.alpha[rows, columns].copy()
    part = Page(page.pixels[rows, columns].copy(), alpha)
    return bytes(encode(Picture((part,), Metadata(icc=picture.metadata.icc)), "png", 100))


def _busiest(pixels: Pixels, width_share: float, height_share: float) -> tuple[float, float]:
    """Place a window so that neighbouring pixels differ most in it; returns left and top shares."""
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
