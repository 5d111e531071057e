"""The measure stage: the quality of an output as it is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np

from sr_core.archive.storage import Store
from sr_core.engine.device import Device
from sr_core.engine.geometry import Geometry
from sr_core.engine.work import Measured, Times, Written
from sr_core.errors import ImageError, RetryLaterError
from sr_core.imaging.alpha import Alpha, premultiply
from sr_core.imaging.codecs import Picture, decode
from sr_core.imaging.codecs.samples import flattened, reduced
from sr_core.imaging.colour import convert_to_srgb
from sr_core.imaging.pixels import Page, Pixels
from sr_core.inference.twins import Twins
from sr_core.inference.upscaled import Upscaler
from sr_core.metrics.suite import measure

_LONGEST_WARNING = 300


class Quality:
    """Measures outputs of one run. Safe to use from many threads."""

    def __init__(
        self,
        source: Store,
        geometry: Geometry,
        device: Device,
        *,
        deadline_s: float,
        twins: Twins | None = None,
    ) -> None:
        """Measure with upscalers on a device; references are read from the source's store.

        Args:
            source: store of references.
            geometry: sizes and limits of the run.
            device: the device of the upscalers.
            deadline_s: time that reading a reference may take.
            twins: networks that outputs of GANs are compared with; None to leave that out.
        """
        self._twins = twins
        self._source, self._geometry = source, geometry
        self._device, self._deadline_s = device, deadline_s

    def measure(
        self,
        source: Picture,
        written: Written,
        upscaler: Upscaler,
        reference_key: str | None,
        times: Times,
    ) -> Measured:
        """Measure the first page. What cannot be measured stays null, with a warning.

        The output is already written: nothing that goes wrong here may fail the image.

        Args:
            source: the decoded source.
            written: its output.
            upscaler: the one that made the output; it is compared with itself.
            reference_key: key of the true image, if any.
            times: receives the time spent.

        Raises: RetryLaterError if the store is unavailable.
        """
        warnings: list[str] = []
        try:
            with times.timed("measure"):
                picture = written.picture
                if picture is None:
                    picture = self._geometry.decode_output(written.data, len(source.pages))
                scale = self._geometry.self_scale(source.pages[0].pixels, upscaler)
                given, made = _alike(source, picture)
                measures = measure(
                    given,
                    made,
                    upscale=lambda pixels: self._self_upscale(pixels, upscaler, scale),
                    scale=scale,
                    reference=self._reference(reference_key, warnings),
                    alpha=_alphas(source.pages[0], picture.pages[0]),
                    twin=self._twin(upscaler),
                )
        except RetryLaterError:
            raise
        except Exception as error:  # noqa: BLE001 - the output is written, so the image is ok
            warnings.append(f"not measured: {type(error).__name__}: {error}"[:_LONGEST_WARNING])
            return Measured(None, tuple(warnings))
        return Measured(measures, (*warnings, *measures.warnings))

    def _twin(self, upscaler: Upscaler) -> Callable[[Pixels, int], Pixels] | None:
        twin = None if self._twins is None else self._twins.of(upscaler.name)
        if twin is None:
            return None
        return lambda pixels, scale: self._self_upscale(pixels, twin, scale)

    def _self_upscale(self, pixels: Pixels, upscaler: Upscaler, scale: int) -> Pixels:
        height, width = pixels.shape[:2]
        with self._device():
            return upscaler.upscale(pixels, height * scale, width * scale).pixels

    def _reference(self, key: str | None, warnings: list[str]) -> Pixels | None:
        """Read the true image of a source; None, with a warning, if it cannot be read."""
        if key is None:
            return None
        try:
            data, _ = self._source.read_object(
                key, max_bytes=self._geometry.limits.max_bytes, deadline_s=self._deadline_s
            )
            return _visible(decode(data, self._geometry.output_limits).pages[0])
        except ImageError as error:
            warnings.append(f"reference {key}: {error.error_class}: {error.message}")
            return None


def _alike(source: Picture, output: Picture) -> tuple[Pixels, Pixels]:
    """Return the visible colours of two first pages, of one colour space, channels and dtype.

    An output may be sRGB although its source has another profile, RGB although it is grey, of 8
    bits although it has 16, and flattened onto white although it is transparent.
    """
    pages = [source.pages[0], output.pages[0]]
    profiles = [source.profile(0), output.profile(0)]
    if profiles[0] != profiles[1]:
        pages = [
            page if icc is None else replace(page, pixels=convert_to_srgb(page.pixels, icc))
            for page, icc in zip(pages, profiles, strict=True)
        ]
    if pages[1].alpha is None and pages[0].alpha is not None:
        pages[0] = Page(flattened(pages[0]))
    given, made = map(_visible, pages)
    if given.dtype != made.dtype:
        given, made = reduced(given), reduced(made)
    channels = max(given.shape[2], made.shape[2])
    return _of_channels(given, channels), _of_channels(made, channels)


def _alphas(source: Page, output: Page) -> tuple[Alpha, Alpha] | None:
    """Return the alpha of two pages, of one dtype; None if the output has none."""
    if output.alpha is None:
        return None
    given, made = source.alpha, output.alpha
    if given is None:
        given = np.full(source.pixels.shape[:2], np.iinfo(made.dtype).max, made.dtype)
    return (given, made) if given.dtype == made.dtype else (reduced(given), reduced(made))


def _of_channels(pixels: Pixels, channels: int) -> Pixels:
    """Repeat grey as RGB."""
    if pixels.shape[2] == channels:
        return pixels
    return cast("Pixels", np.repeat(pixels, channels, axis=2))


def _visible(page: Page) -> Pixels:
    """Return the visible colours of a page: those under full transparency do not count."""
    return page.pixels if page.alpha is None else premultiply(page.pixels, page.alpha)
