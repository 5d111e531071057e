"""Sizes of a run's outputs, and the limits that its sources and outputs must keep."""

from __future__ import annotations

from dataclasses import replace

from sr_core.archive.planning.outputs import output_size
from sr_core.config import RunConfig
from sr_core.imaging.codecs import Limits, Picture, check_output_size, decode
from sr_core.imaging.pixels import Pixels
from sr_core.inference.upscaled import Upscaler
from sr_core.models.catalogue import ASSUMED_SCALE, models_of, native_scales
from sr_core.scratch import Blob

_MEGA = 1_000_000


class Geometry:
    """Sizes and limits that follow from the configuration of a run."""

    def __init__(self, config: RunConfig) -> None:
        """Derive sizes and limits from a configuration."""
        self._config = config
        native = [scale for each in models_of(config.model) for scale in native_scales(each)]
        largest = max(native, default=ASSUMED_SCALE) if config.target else config.scale
        self.limits = Limits(
            max_bytes=config.max_source_bytes,
            max_side_px=config.max_side_px,
            max_source_px=int(config.max_source_megapixels * _MEGA),
            max_output_px=int(config.max_output_megapixels * _MEGA),
        )
        # References, and our own outputs read back, may be as large as outputs may be.
        self.output_limits = replace(
            self.limits,
            max_bytes=1 << 40,
            max_side_px=max(config.target or (0, 0)) + config.max_side_px * largest,
            max_source_px=self.limits.max_output_px,
        )

    def output_shape(self, pixels: Pixels) -> tuple[int, int]:
        """Return the height and width of the output of a page."""
        height_px, width_px = pixels.shape[:2]
        width, height = output_size(width_px, height_px, self._config.scale, self._config.target)
        return height, width

    def self_scale(self, pixels: Pixels, upscaler: Upscaler) -> int:
        """Return the scale at which the upscaler of a page is compared with itself.

        With a target, the scale of the network that made the output.
        """
        if self._config.target is None:
            return self._config.scale
        return upscaler.network_scale(max(self.output_shape(pixels)) / max(pixels.shape[:2]))

    def check_output(self, picture: Picture, output_format: str) -> None:
        """Refuse a source whose output is over a limit.

        Raises: ImageError with class too_large.
        """
        for page in picture.pages:
            height, width = self.output_shape(page.pixels)
            check_output_size(
                output_format,
                width,
                height,
                self.limits.max_output_px,
                alpha=page.alpha is not None,
            )

    def decode_output(self, data: Blob, pages: int) -> Picture:
        """Decode an output of a run, each page of which may be as large as outputs may be.

        Raises: ImageError.
        """
        most = self.limits.max_output_px * pages
        return decode(data, replace(self.output_limits, max_source_px=most))
