"""One image on its way through the stages, with the facts that become its row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Picture
from sr_core.records import MetricsRow, PlannedImage, Status
from sr_core.scratch import Blob

_PERHAPS_TRANSPARENT = frozenset({"P", "PA", "LA", "La", "RGBA", "RGBa"})

# What a row says of an output; a failed image has none, whatever stage it reached.
_OUTPUT_FACTS = (
    "output_key",
    "format_out",
    "height_out_px",
    "width_out_px",
    "output_size_bytes",
    "output_sha256",
    "adopted",
    "same_pixels_as",
    "engine",
    "precision",
    "device",
)


@dataclass(slots=True)
class Work:
    """One image on its way through the stages, with the facts that become its row."""

    image: PlannedImage
    facts: dict[str, Any]
    source: Picture | None = None
    sr: Picture | None = None
    standing: Blob | None = None
    twin: Work | None = None
    held_px: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def weight_px(self) -> int | None:
        """Source and output of all pages, as so many pixels of 8-bit RGB; None where unknown."""
        image = self.image
        source = (image.image.width_px or 0) * (image.image.height_px or 0)
        output = (image.output_width_px or 0) * (image.output_height_px or 0)
        px = (source + output) * (image.image.pages or 1)
        return px * _weight(image.image.mode) if output else None

    @property
    def failed(self) -> bool:
        """Whether the row already has its error class."""
        return self.facts["error_class"] is not None

    def fail(self, error_class: ErrorClass, message: str) -> None:
        """End the image as failed."""
        self.facts |= {
            "status": Status.FAILED,
            "error_class": error_class,
            "error_message": message[:1000],
        }
        for name in _OUTPUT_FACTS:
            self.facts.pop(name, None)

    def warn(self, *messages: str) -> None:
        """Add to the warnings of the row."""
        self.facts["warnings"] = (*self.facts["warnings"], *messages)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time spent to the stage's column, in milliseconds."""
        start = time.monotonic()
        try:
            yield
        finally:
            name = f"{stage}_ms"
            spent = (time.monotonic() - start) * 1000
            self.facts[name] = self.facts.get(name, 0.0) + spent

    def row(self) -> MetricsRow:
        """Return the finished row."""
        return MetricsRow(**self.facts, finished_at=datetime.now(UTC))


def _weight(mode: str | None) -> int:
    """Return how many times the memory of 8-bit RGB a picture may take while it is worked on.

    Transparency needs premultiplied colours of 16 bits beside the others
    (`tests/integration/test_large_images.py` holds the sum).

    Args:
        mode: as in `Header.mode`; None, if nobody has looked, counts as the most.
    """
    if mode is None:
        return 4
    samples = mode.removesuffix(";16")
    return (1 + (samples != mode)) * (1 + (samples in _PERHAPS_TRANSPARENT))


def guarded(work: Work, stage: Callable[[Work], None]) -> None:
    """Run a stage unless the image has failed; turn what one image can cause into its row.

    Raises: whatever concerns more than this image (the store is unavailable, the process ends).
    """
    if work.failed:
        return
    try:
        stage(work)
    except ImageError as error:
        work.fail(error.error_class, error.message)
    except MemoryError:
        work.fail(ErrorClass.OUT_OF_MEMORY, f"not enough memory to {stage.__name__}")
