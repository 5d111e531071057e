"""One image of a finished run made again from its source, and compared with its output."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sr_core.archive.storage import read_blob
from sr_core.config import RunConfig
from sr_core.engine.geometry import Geometry
from sr_core.engine.stages import Stages
from sr_core.engine.work import Target, Times
from sr_core.errors import ConfigurationError, DamagedError
from sr_core.imaging.codecs import LOSSY
from sr_core.imaging.pixels import Pixels
from sr_core.records import MetricsRow, PlannedImage
from sr_core.scratch import Blob

TOLERATED_LEVELS = {"float32": 1.0, "half": 4.0, "int8": 12.0}
"""Levels of 255 that rounding explains, by precision, as at the start of every actor."""
LOSSY_LEVELS = 3.0
"""Further levels in JPEG and WebP, which round once more."""
_WITHIN = 1 - 1 / 200
"""Share of the values that must be within them, as for the known answer of an engine."""


class Outcome(StrEnum):
    """The result of a comparison, best first."""

    SAME_FILE = "bit-identical file"
    SAME_PIXELS = "bit-identical pixels"
    ROUNDING = "within rounding"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Replay:
    """An image made again: how it compares, and what made it."""

    outcome: Outcome
    largest_difference: float | None
    """In levels of 255; None if the sizes differ."""
    tolerated_levels: float
    """Difference that rounding explains, for all but 1 in 200 values."""
    model: str
    engine: str | None
    precision: str | None
    sha256: str
    """SHA-256 of the file that was made."""


def replay(stages: Stages, config: RunConfig, planned: PlannedImage, row: MetricsRow) -> Replay:
    """Make the output of an image again and compare it with the one in storage.

    Args:
        stages: the stages of the run.
        config: its configuration.
        planned: the image as it was planned.
        row: its row, which has an output.

    Raises: ConfigurationError if the source changed; DamagedError if the output did; ImageError if
        either cannot be read.
    """
    if row.output_key is None or planned.output_format is None:
        raise ConfigurationError(f"{row.key} has no output: its row is {row.status}")
    target, times = Target(row.output_key, planned.output_format), Times()
    data, fetched = stages.fetch(planned.image, times)
    if fetched.sha256 != row.source_sha256:
        raise ConfigurationError(
            f"the source {row.source_uri} changed: its SHA-256 is {fetched.sha256}, the output was "
            f"made from {row.source_sha256}; restore it to replay the image"
        )
    stored = read_blob(stages.ledger.store, row.output_key)
    if hashlib.sha256(stored).hexdigest() != row.output_sha256:
        raise DamagedError(f"{row.output_key} does not match its SHA-256; see srfleet verify")
    decoded = stages.decode(data, target, times)
    chosen = stages.choose(data, decoded.picture, times)
    upscaled = stages.upscale(decoded.picture, chosen.upscaler, times)
    mark = stages.mark(planned.image, fetched, upscaled.made_by)
    made = stages.encode(upscaled.picture, mark, None, target, times)
    maker = upscaled.made_by[0]
    tolerated = TOLERATED_LEVELS.get(row.precision or maker.precision or "float32", 1.0)
    tolerated += LOSSY_LEVELS if target.format in LOSSY else 0.0
    sha256 = hashlib.sha256(made).hexdigest()
    outcome: Outcome = Outcome.SAME_FILE
    largest: float | None = 0.0
    if sha256 != row.output_sha256:
        outcome, largest = _compare(Geometry(config), made, stored, decoded.pages, tolerated)
    return Replay(outcome, largest, tolerated, maker.model, maker.engine, maker.precision, sha256)


def _compare(
    geometry: Geometry, made: Blob, stored: Blob, pages: int, tolerated: float
) -> tuple[Outcome, float | None]:
    """Compare the pixels of two encoded outputs, page by page."""
    ours, theirs = (geometry.decode_output(each, pages).pages for each in (made, stored))
    planes = [
        (one, other)
        for page, its in zip(ours, theirs, strict=False)
        for one, other in ((page.pixels, its.pixels), (page.alpha, its.alpha))
    ]
    if len(ours) != len(theirs) or any(_shape(one) != _shape(other) for one, other in planes):
        return Outcome.DIFFERENT, None
    differences = [
        _levels(one, other) for one, other in planes if one is not None and other is not None
    ]
    largest = max(float(each.max()) for each in differences)
    usual = max(float(np.quantile(each, _WITHIN, method="higher")) for each in differences)
    if largest == 0:
        return Outcome.SAME_PIXELS, 0.0
    return (Outcome.ROUNDING if usual <= tolerated else Outcome.DIFFERENT), largest


def _shape(pixels: Pixels | None) -> tuple[object, ...] | None:
    return None if pixels is None else (*pixels.shape, pixels.dtype)


def _levels(one: Pixels, other: Pixels) -> np.typing.NDArray[np.float32]:
    """Return the differences of two images of one type, in levels of 255."""
    scale = np.float32(255 / np.iinfo(one.dtype).max)
    difference = np.abs(one.astype(np.int32) - other.astype(np.int32))
    levels: np.typing.NDArray[np.float32] = difference.astype(np.float32) * scale
    return levels
