"""The records that stages pass to each other: manifest rows, planned images, metrics rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sr_core.errors import ErrorClass


class Status(StrEnum):
    """How an image ended. `duplicate`: the manifest names the same key once more."""

    OK = "ok"
    FAILED = "failed"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One image of the source. Sizes are null where the header could not be read.

    `key` is relative to the source root with "/" between its parts; `image_id` is a hash of it.
    `width_px` and `height_px` are those after EXIF orientation. A row that can already be refused
    has status failed (or duplicate) with its error class, and keeps its place in the run.
    """

    image_id: str
    key: str
    size_bytes: int | None = None
    etag: str | None = None
    modified_at: datetime | None = None
    format: str | None = None
    mode: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    pages: int | None = None
    reference_key: str | None = None
    status: Status = Status.OK
    error_class: ErrorClass | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """A manifest row with its place in a round: shard, and where and how its output is written.

    `output_key` is relative to the run's root (images/...); null for rows that cannot be processed.
    """

    image: ManifestRow
    shard: int
    output_key: str | None
    output_format: str | None
    output_width_px: int | None
    output_height_px: int | None


@dataclass(frozen=True, slots=True)
class MetricsRow:
    """What is known of one image after its shard: exactly one row per image and round.

    An undefined or unmeasured value is None, never NaN; identical images have a PSNR of +inf.
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
    # the source as it was read
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
    # the output as it stands in storage
    output_key: str | None = None
    format_out: str | None = None
    width_out_px: int | None = None
    height_out_px: int | None = None
    output_size_bytes: int | None = None
    output_sha256: str | None = None
    adopted: bool = False
    same_pixels_as: str | None = None
    engine: str | None = None
    # quality; see sr_core.metrics.suite for units, direction and protocol
    psnr_y_db: float | None = None
    ssim_y: float | None = None
    self_psnr_y_db: float | None = None
    self_ssim_y: float | None = None
    self_psnr_y_bicubic_db: float | None = None
    self_ssim_y_bicubic: float | None = None
    lr_psnr_db: float | None = None
    colour_drift_delta_e: float | None = None
    sharpness_gain: float | None = None
    # time
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
    """What a shard came to: counts of its rows by status and error class, and its times.

    `committed` is false where another attempt was first; its rows stand instead of these.
    """

    round: int
    shard: int
    committed: bool
    statuses: dict[Status, int]
    failures: dict[ErrorClass, int]
    adopted: int
    output_megapixels: float
    upscale_ms: float
    device_wait_ms: float
