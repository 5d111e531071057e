"""One image on its way through an actor: the results and times of its stages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from sr_core.archive.storage import Origin
from sr_core.engine.signing import Ingredient
from sr_core.errors import ErrorClass
from sr_core.imaging.codecs import Mark, Picture
from sr_core.inference.several import Chosen
from sr_core.inference.upscaled import MadeBy
from sr_core.metrics.suite import Measures
from sr_core.records import ManifestRow, PlannedImage, Sidecar
from sr_core.scratch import Blob

Stage = Literal["fetch", "decode", "upscale", "encode", "put", "measure"]

_PERHAPS_TRANSPARENT = frozenset({"P", "PA", "LA", "La", "RGBA", "RGBa"})


@dataclass(frozen=True, slots=True)
class Target:
    """Key and format of an output."""

    key: str
    format: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A source as it was read."""

    size_bytes: int
    etag: str | None
    sha256: str
    origin: Origin
    """Time and permissions of the source."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded source, with the pages that its output can hold."""

    picture: Picture
    pages: int
    """Number of pages in the source."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class UpscaledPicture:
    """An upscaled source, and the maker of each of its pages."""

    picture: Picture
    made_by: tuple[MadeBy, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """An output in storage. An adopted one was written by an earlier attempt."""

    data: Blob
    picture: Picture | None
    """Pixels of exactly these bytes; None if they have to be decoded first."""
    sha256: str
    width_px: int
    height_px: int
    adopted: bool


@dataclass(frozen=True, slots=True)
class Copied:
    """The copies of an image's sidecars."""

    sidecars: tuple[Sidecar, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Quality of an output; no measures if they were not wanted or could not be taken."""

    measures: Measures | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of an image that ends as failed, or as skipped if it is no photograph."""

    error_class: ErrorClass
    message: str


@dataclass(slots=True)
class Times:
    """Milliseconds by stage, including a failed one, and the device's idle time before it."""

    stages_ms: dict[Stage, float] = field(default_factory=dict)
    device_wait_ms: float | None = None

    @contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Add the time spent in the context to a stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            spent_ms = (time.monotonic() - start) * 1000
            self.stages_ms[stage] = self.stages_ms.get(stage, 0.0) + spent_ms


@dataclass(frozen=True, slots=True)
class Assignment:
    """An image to process, and the attempt that it is part of."""

    planned: PlannedImage
    round_index: int
    attempt: str
    source_uri: str
    worker: str
    """Name of this process."""

    @property
    def image(self) -> ManifestRow:
        """The image as the manifest has it."""
        return self.planned.image

    @property
    def target(self) -> Target | None:
        """Key and format of the output; None for an image that the plan refused."""
        key, output_format = self.planned.output_key, self.planned.output_format
        if key is None or output_format is None:
            return None
        return Target(key, output_format)


@dataclass(slots=True, eq=False)
class Work:
    """One image and the results of its stages so far; `sr_core.engine.rows` makes its row."""

    assignment: Assignment
    target: Target
    times: Times = field(default_factory=Times)
    fetched: Fetched | None = None
    decoded: Decoded | None = None
    chosen: Chosen | None = None
    ingredient: Ingredient | None = None
    """The source for the manifest of a signed output; None if it is not signed."""
    existing: Blob | None = None
    """Output of an earlier attempt."""
    twin: Work | None = None
    """An earlier image of the shard with the same source, whose output this one shares."""
    upscaled: UpscaledPicture | None = None
    made_by: tuple[MadeBy, ...] = ()
    """Makers of the output's pages; empty if they are not known."""
    mark: Mark | None = None
    """Mark of an output that was encoded; None if the run writes none."""
    written: Written | None = None
    sidecars: Copied | None = None
    measured: Measured | None = None
    failure: Failure | None = None
    held_px: int = 0
    """Pixels of the budget that this image holds."""
    done: threading.Event = field(default_factory=threading.Event)
    """Set once the image has its row."""

    @property
    def weight_px(self) -> int | None:
        """Source and output of all pages, as pixels of 8-bit RGB; None if the size is unknown."""
        planned, image = self.assignment.planned, self.assignment.image
        source = (image.width_px or 0) * (image.height_px or 0)
        output = (planned.output_width_px or 0) * (planned.output_height_px or 0)
        px = (source + output) * (image.pages or 1)
        return px * _weight(image.mode) if output else None

    def release(self) -> None:
        """Release all pixels and files in memory."""
        self.ingredient = None
        self.decoded = self.existing = self.upscaled = self.written = None


def _weight(mode: str | None) -> int:
    """Return the memory that a picture needs in process, in multiples of 8-bit RGB.

    Transparency needs premultiplied colours of 16 bits beside the others
    (`tests/integration/test_large_images.py` checks the sum).

    Args:
        mode: as in `Header.mode`; None, if the header was not read, counts as the most.
    """
    if mode is None:
        return 4
    samples = mode.removesuffix(";16")
    return (1 + (samples != mode)) * (1 + (samples in _PERHAPS_TRANSPARENT))
