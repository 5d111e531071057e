"""Sizes, formats and costs of many outputs, and the images over a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.planning.networks import Ints, megapixels_by_scale, network_scales
from sr_core.config import RunConfig
from sr_core.imaging.codecs import FORMAT_LIMITS, WHOLE_LIMITS, output_format
from sr_core.models.catalogue import X4_FROM

_MEGA = 1_000_000
UNPROBED_PX_PER_BYTE = 3
"""Guess for a source whose header could not be read: a JPEG of 2.7 bits per pixel."""
UNPROBED_PX = 12 * _MEGA
"""Guess for a source whose size in bytes is unknown, too."""

_FORMAT_OF_SUFFIX = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "jpe": "JPEG",
    "jfif": "JPEG",
    "webp": "WEBP",
    "tif": "TIFF",
    "tiff": "TIFF",
    "jxl": "JXL",
}
"""Formats of unprobed sources, by file name; others are treated as PNG."""

_NO_LIMIT = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of sources and of their outputs, one entry per image; 0 if unknown.

    The sizes of an unprobed source are unknown, even if it has hints.
    """

    source_bytes: Ints
    width_px: Ints
    height_px: Ints
    pages: Ints
    output_width_px: Ints
    output_height_px: Ints

    @property
    def sides(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Width and height of the sources, and of the outputs."""
        return self.width_px, self.height_px, self.output_width_px, self.output_height_px

    @property
    def source_px(self) -> Ints:
        """Pixels of all pages of the sources."""
        return self.width_px * self.height_px * self.pages

    @property
    def output_px(self) -> Ints:
        """Pixels of all pages of the outputs."""
        return self.output_width_px * self.output_height_px * self.pages


def measure_sizes(manifest: pa.Table, run: RunConfig) -> Sizes:
    """Compute the sizes of all outputs of a manifest."""
    probed = manifest["format"].is_valid().to_numpy()
    width, height, pages = (
        np.where(probed, _numbers(manifest, name), 0) for name in ("width_px", "height_px", "pages")
    )
    output_width, output_height = output_sizes(width, height, run.scale, run.target)
    return Sizes(
        _numbers(manifest, "size_bytes"), width, height, pages, output_width, output_height
    )


def output_sizes(
    width_px: Ints, height_px: Ints, scale: int, target: tuple[int, int] | None
) -> tuple[Ints, Ints]:
    """Compute widths and heights of outputs; 0 stays 0.

    Args:
        width_px: widths of the sources.
        height_px: heights of the sources.
        scale: scale factor, used without a target.
        target: width and height of a box; outputs fit in it and touch two of its sides.
    """
    if target is None:
        return width_px * scale, height_px * scale
    known = (width_px > 0) & (height_px > 0)
    wide, high = np.maximum(width_px, 1), np.maximum(height_px, 1)
    factor = np.minimum(target[0] / wide, target[1] / high)
    widths, heights = (
        np.where(known, np.maximum(1, np.rint(side * factor)), 0).astype(np.int64)
        for side in (wide, high)
    )
    return widths, heights


def output_size(
    width_px: int, height_px: int, scale: int, target: tuple[int, int] | None
) -> tuple[int, int]:
    """Return the width and height of one output in pixels; see output_sizes."""
    widths, heights = output_sizes(np.array([width_px]), np.array([height_px]), scale, target)
    return int(widths[0]), int(heights[0])


def output_formats(manifest: pa.Table, run: RunConfig) -> pa.DictionaryArray:
    """Choose the format of every output, by the format of its source or else its file name."""
    formats = manifest["format"].combine_chunks()
    if formats.null_count:
        suffixes = pc.replace_substring_regex(manifest["key"].combine_chunks(), r"^.*[./]", "")
        formats = pc.coalesce(formats, mapped(pc.utf8_lower(suffixes), _format_of_suffix))
    single = mapped(formats, lambda name: output_format(name, run.format))
    several = mapped(formats, lambda name: output_format(name, run.format, pages=2))
    if run.bitonal == "keep":
        bitonal = pc.fill_null(pc.equal(manifest["mode"].combine_chunks(), "1"), fill_value=False)
        kept = mapped(formats, lambda name: output_format(name, run.format, bitonal=True))
        single = pc.if_else(bitonal, kept, single)
    has_several = pc.fill_null(pc.greater(manifest["pages"].combine_chunks(), 1), fill_value=False)
    return pc.if_else(has_several, several, single).dictionary_encode()


def _format_of_suffix(suffix: str) -> str:
    return _FORMAT_OF_SUFFIX.get(suffix, "PNG")


def mapped(texts: pa.Array, function: Callable[[str], str]) -> pa.Array:
    """Apply a function to the distinct values of a column."""
    encoded = texts.dictionary_encode()
    values = [function(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.string()).take(encoded.indices)


def costs_px(manifest: pa.Table, sizes: Sizes, run: RunConfig) -> Ints:
    """Estimate the cost of every image: the pixels of its source or output, whichever are more.

    With a network, its output before resizing counts too. An unprobed source counts with its hints,
    or else with its bytes.
    """
    unknown = float(run.scale) if run.target is None else X4_FROM
    scales = network_scales(run.model, *sizes.sides, unknown=unknown)
    native = 1 if scales is None else scales**2
    hints = _numbers(manifest, "width_px") * _numbers(manifest, "height_px")
    by_bytes = np.where(
        sizes.source_bytes > 0,
        np.minimum(
            sizes.source_bytes * UNPROBED_PX_PER_BYTE, int(run.max_source_megapixels * _MEGA)
        ),
        UNPROBED_PX,
    )
    guess = np.where(hints > 0, hints, by_bytes)
    guess_out = guess * run.scale**2 if run.target is None else run.target[0] * run.target[1]
    known = np.maximum(sizes.source_px * native, sizes.output_px)
    return np.where(known > 0, known, np.maximum(guess * native, guess_out))


def native_megapixels(manifest: pa.Table, run: RunConfig) -> Mapping[int, float]:
    """Add up the megapixels that come out of the networks for a manifest, by scale."""
    sizes = measure_sizes(manifest, run)
    scales = network_scales(run.model, *sizes.sides)
    return megapixels_by_scale(scales, sizes.source_px, sizes.output_px)


def over_limits(
    sizes: Sizes, formats: pa.DictionaryArray, run: RunConfig
) -> Iterator[tuple[int, str]]:
    """Find the images that are over a limit.

    Args:
        sizes: of the images.
        formats: formats of the outputs.
        run: has the limits.

    Yields:
        The position of an image and the reason, once for each limit it exceeds.
    """
    names, indices = formats.dictionary.to_pylist(), formats.indices.to_numpy()
    longest = np.array([FORMAT_LIMITS[name] for name in names], np.int64)[indices]
    whole = np.array([WHOLE_LIMITS.get(name, _NO_LIMIT) for name in names], np.int64)[indices]
    source_side = np.maximum(sizes.width_px, sizes.height_px)
    output_side = np.maximum(sizes.output_width_px, sizes.output_height_px)
    output_page_px = sizes.output_width_px * sizes.output_height_px
    checks = (
        ("the source has {} bytes", sizes.source_bytes, run.max_source_bytes),
        ("the source has a side of {} px", source_side, run.max_side_px),
        ("the source has {} pixels", sizes.source_px, int(run.max_source_megapixels * _MEGA)),
        ("the output would have {} pixels", output_page_px, int(run.max_output_megapixels * _MEGA)),
        ("the output would have a side of {} px", output_side, longest),
        (
            "choose png, jpeg or tiff: the output would have {} pixels, but its format is encoded "
            "in one piece",
            output_page_px,
            whole,
        ),
    )
    for text, values, bound in checks:
        bounds = np.broadcast_to(bound, values.shape)
        for position in map(int, np.flatnonzero(values > bounds)):
            yield position, f"{text.format(values[position])}, the limit is {bounds[position]}"


def _numbers(manifest: pa.Table, name: str) -> Ints:
    values: Ints = pc.fill_null(manifest[name], 0).to_numpy()
    return values
