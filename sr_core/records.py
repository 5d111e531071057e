"""Records of an image's way through a run: manifest rows, planned images, metrics rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from sr_core.errors import NOT_PHOTOGRAPHS, ErrorClass

Precision = Literal["float32", "half", "int8"]
"""Precision of a network's multiplications: half is float16 on GPUs and bfloat16 on CPUs."""

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""Vocabulary of IPTC's terms for the DigitalSourceType of a picture."""
GENERATED = SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
"""Term for pictures in which a model has drawn likely detail."""
ENHANCED = SOURCE_TYPES + "algorithmicallyEnhanced"
"""Term for pictures that were only enlarged."""


Spots = Mapping[str, Mapping[str, int]]
"""Place in the output where each measure of trust is worst: x_px and y_px by column."""


class Status(StrEnum):
    """Outcome of an image."""

    OK = "ok"
    SKIPPED = "skipped"
    """The file is no photograph, which is no failure."""
    FAILED = "failed"
    DUPLICATE = "duplicate"
    """An earlier row of the manifest has the same key."""


def status_of(error_class: ErrorClass) -> Status:
    """Return the status of a file that cannot be upscaled: skipped or failed."""
    return Status.SKIPPED if error_class in NOT_PHOTOGRAPHS else Status.FAILED


@dataclass(frozen=True, slots=True)
class PlannedSidecar:
    """A sidecar of an image, such as an .xmp file, and the key of its copy."""

    key: str
    output_key: str


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar that was copied beside the output of its image."""

    key: str
    output_key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files that patterns left out of a source, and the patterns that matched no file."""

    excluded: int = 0
    not_included: int = 0
    unmatched: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        """Number of files left out."""
        return self.excluded + self.not_included


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One image of the source. A field is None if it is unknown.

    A file that is refused before the run has status failed, skipped or duplicate and an error
    class; it stays in the manifest.
    """

    image_id: str
    """Hash of `key`."""
    key: str
    """Path relative to the source root, with "/" between its parts."""
    size_bytes: int | None = None
    etag: str | None = None
    modified_at: datetime | None = None
    format: str | None = None
    mode: str | None = None
    width_px: int | None = None
    """Width after EXIF orientation; None if the header could not be read."""
    height_px: int | None = None
    """Height after EXIF orientation; None if the header could not be read."""
    pages: int | None = None
    reference_key: str | None = None
    """Key of the high-resolution image to compare the output with."""
    status: Status = Status.OK
    error_class: ErrorClass | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """A manifest row with its shard and its output. Output fields are None for a refused image."""

    image: ManifestRow
    shard: int
    output_key: str | None
    """Key of the output relative to the run's root: images/..."""
    output_format: str | None
    output_width_px: int | None
    output_height_px: int | None
    sidecars: tuple[PlannedSidecar, ...] | None = None
    """Sidecars to copy; None if the run copies none."""


@dataclass(frozen=True, slots=True)
class MetricsRow:
    """Result of one image in a round; each image has exactly one row per round.

    An undefined or unmeasured value is None, never NaN. The PSNR of identical images is +inf.
    """

    image_id: str
    key: str
    round: int
    shard: int
    attempt: str
    status: Status
    error_class: ErrorClass | None = None
    error_message: str | None = None
    warnings: tuple[str, ...] = field(default=())
    # source, as read
    source_uri: str | None = None
    source_size_bytes: int | None = None
    source_etag: str | None = None
    source_sha256: str | None = None
    format_in: str | None = None
    mode_in: str | None = None
    bit_depth: int | None = None
    width_in_px: int | None = None
    height_in_px: int | None = None
    pages: int | None = None
    orientation_in: int | None = None
    decoded_share: float | None = None
    # output, as stored
    output_key: str | None = None
    format_out: str | None = None
    width_out_px: int | None = None
    height_out_px: int | None = None
    output_size_bytes: int | None = None
    output_sha256: str | None = None
    sidecars: tuple[Sidecar, ...] | None = None
    """Copies of the source's sidecars; None if the run copies none."""
    adopted: bool = False
    same_pixels_as: str | None = None
    model: str | None = None
    model_scale: int | None = None
    model_reason: str | None = None
    engine: str | None = None
    precision: str | None = None
    device: str | None = None
    # quality; sr_core.metrics.registry has units, direction and protocol
    psnr_y_db: float | None = None
    ssim_y: float | None = None
    self_psnr_y_db: float | None = None
    self_ssim_y: float | None = None
    self_psnr_y_bicubic_db: float | None = None
    self_ssim_y_bicubic: float | None = None
    lr_psnr_db: float | None = None
    colour_drift_delta_e: float | None = None
    sharpness_gain: float | None = None
    block_error: float | None = None
    outlier: float | None = None
    blank_share: float | None = None
    clipped_share: float | None = None
    shift_px: float | None = None
    cast_levels: float | None = None
    step_levels: float | None = None
    grid_levels: float | None = None
    blocking: float | None = None
    detail_gain: float | None = None
    texture_excess: float | None = None
    grey_colour_levels: float | None = None
    alpha_error_levels: float | None = None
    twin_error: float | None = None
    spots: Spots | None = None
    # times
    fetch_ms: float | None = None
    decode_ms: float | None = None
    device_wait_ms: float | None = None
    upscale_ms: float | None = None
    measure_ms: float | None = None
    encode_ms: float | None = None
    put_ms: float | None = None
    finished_at: datetime | None = None
    worker: str | None = None


@dataclass(frozen=True, slots=True)
class ShardResult:
    """Outcome of one attempt at a shard: rows by status and error class, and times."""

    round_index: int
    shard: int
    attempt: str
    committed: bool
    """False if another attempt committed first; the rows of that attempt count, not these."""
    statuses: dict[Status, int]
    failures: dict[ErrorClass, int]
    adopted: int
    output_megapixels: float
    upscale_ms: float
    device_wait_ms: float
