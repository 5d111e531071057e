"""The stages of one image: fetch, decode, upscale, encode, put, measure. Each fills in its row."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.planning.plan import output_size
from sr_core.archive.storage import Store, read_blob
from sr_core.config import RunConfig
from sr_core.engine.work import Work
from sr_core.errors import ErrorClass, ImageError, RetryLaterError
from sr_core.imaging.alpha import premultiply
from sr_core.imaging.codecs import LOSSY, Limits, Picture, check_output_size, decode, encode, losses
from sr_core.imaging.pixels import Page, Pixels
from sr_core.inference.pages import upscale_page
from sr_core.inference.upscaler import Upscaler
from sr_core.metrics.suite import measure
from sr_core.models.catalogue import ASSUMED_SCALE, native_scale
from sr_core.scratch import Blob

_MEGA = 1_000_000


class Device:
    """Let one image at a time onto the device, and know how long it stood idle before each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle_since = time.monotonic()

    @contextmanager
    def __call__(self) -> Iterator[float]:
        """Hold the device; yields the milliseconds that it had nothing to do."""
        with self._lock:
            try:
                yield (time.monotonic() - self._idle_since) * 1000
            finally:
                self._idle_since = time.monotonic()


class Stages:
    """Do the work of each stage for the images of one run. Safe to use from many threads."""

    def __init__(
        self,
        source: Store,
        root: Store,
        run_id: str,
        config: RunConfig,
        upscaler: Upscaler,
        *,
        deadline_s: float,
        device_model: str | None = None,
    ) -> None:
        self.source, self.ledger = source, Ledger(root)
        self._root, self._run_id, self._config = root, run_id, config
        self._upscaler, self._deadline_s = upscaler, deadline_s
        self._device = Device()
        self._device_model = device_model
        native = native_scale(config.model) or ASSUMED_SCALE
        self._scale = native if config.target else config.scale
        self._limits = Limits(
            max_bytes=config.max_source_bytes,
            max_side_px=config.max_side_px,
            max_source_px=int(config.max_source_megapixels * _MEGA),
            max_output_px=int(config.max_output_megapixels * _MEGA),
        )
        # References, and our own outputs read back, may be as large as outputs may be.
        self._output_limits = replace(
            self._limits,
            max_bytes=1 << 40,
            max_side_px=max(config.target or (0, 0)) + config.max_side_px * self._scale,
            max_source_px=self._limits.max_output_px,
        )

    def fetch_and_decode(self, work: Work) -> None:
        """Read and decode the source, and find an output that an earlier attempt has written.

        Raises: ImageError for this image, StorageUnavailableError for the whole store.
        """
        image = work.image.image
        assert work.image.output_key is not None
        with work.timed("fetch"):
            data, info = self.source.read_object(
                image.key, max_bytes=self._config.max_source_bytes, deadline_s=self._deadline_s
            )
            work.facts |= {
                "source_size_bytes": len(data),
                "source_etag": info.etag,
                "source_sha256": hashlib.sha256(data).hexdigest(),
            }
            if image.etag is not None and info.etag != image.etag:
                raise ImageError(
                    ErrorClass.SOURCE_CHANGED,
                    f"the source changed after the run was planned (version {image.etag}, now "
                    f"{info.etag}); --retry-failed takes it as it is now",
                )
        with work.timed("decode"):
            picture = decode(data, self._limits)
        first = picture.pages[0].pixels
        work.facts |= {
            "format_in": picture.format,
            "mode_in": picture.mode_in,
            "bit_depth": picture.bit_depth,
            "height_in_px": first.shape[0],
            "width_in_px": first.shape[1],
            "pages": len(picture.pages),
            "orientation_in": picture.orientation_in,
        }
        output_format = work.image.output_format
        assert output_format is not None
        work.warn(
            *picture.warnings,
            *losses(picture, output_format, strip_gps=self._config.strip_gps),
        )
        if output_format != "tiff":  # the other formats hold one page
            picture = replace(picture, pages=picture.pages[:1])
        for page in picture.pages:  # the plan did not know its size, or was told a wrong one
            height, width = self._output_shape(page.pixels)
            check_output_size(
                output_format,
                width,
                height,
                self._limits.max_output_px,
                alpha=page.alpha is not None,
            )
        work.source = picture
        with work.timed("fetch"):
            work.standing = self.ledger.adoptable(work.image.output_key, self._run_id)

    def upscale(self, work: Work) -> None:
        """Make the output's pixels.

        Raises: ImageError.
        """
        source = work.source
        assert source is not None
        pages = []
        with self._device() as idle_ms, work.timed("upscale"):
            work.facts["device_wait_ms"] = idle_ms
            makers = set()
            for page in source.pages:
                height, width = self._output_shape(page.pixels)
                upscaled = upscale_page(page, self._upscaler, height, width)
                pages.append(upscaled.page)
                makers.add(upscaled.made_by)
            work.facts |= {
                "engine": _joined(each.engine for each in makers),
                "precision": _joined(each.precision for each in makers),
                "device": self._device_model,
            }
        work.sr = replace(source, pages=tuple(pages))

    def encode_and_put(self, work: Work) -> None:
        """Write the output once; adopt what stands there already.

        Raises: ImageError, StorageUnavailableError.
        """
        key, output_format = work.image.output_key, work.image.output_format
        assert key is not None
        assert output_format is not None
        adopted = work.standing is not None
        if work.standing is None:
            data = self._encoded(work, output_format)
            digest = hashlib.sha256(data).hexdigest()
            with work.timed("put"):
                written = self.ledger.put_image(
                    key, data, run_id=self._run_id, attempt=work.facts["attempt"], sha256=digest
                )
                if not written:
                    # Somebody else was first, or our own put, whose answer was lost.
                    adopted, work.sr = True, None
                    data = self._first_written(key)
            work.standing = data
        if adopted:
            # An earlier attempt's, which is not known.
            work.facts |= {"engine": None, "precision": None, "device": None}
            self._decode_standing(work)
        height, width = self._output_shape(self._source_pixels(work))
        work.facts |= {
            "output_key": key,
            "format_out": output_format,
            "height_out_px": height,
            "width_out_px": width,
            "output_size_bytes": len(work.standing),
            "output_sha256": hashlib.sha256(work.standing).hexdigest(),
            "adopted": adopted,
        }

    def _first_written(self, key: str) -> Blob:
        standing = self.ledger.adoptable(key, self._run_id)
        if standing is None:
            message = f"{key} stood there and was removed at once; --retry-failed writes it"
            raise ImageError(ErrorClass.CONFLICT, message)
        return standing

    def _encoded(self, work: Work, output_format: str) -> Blob:
        if work.sr is None:
            assert work.twin is not None
            return read_blob(self._root, work.twin.facts["output_key"])
        with work.timed("encode"):
            return encode(
                work.sr, output_format, self._config.quality, strip_gps=self._config.strip_gps
            )

    def _decode_standing(self, work: Work) -> None:
        """Take the pixels from the bytes that stand.

        Raises: ImageError with class conflict if they are no such image.
        """
        assert work.source is not None
        try:
            with work.timed("put"):
                picture = self._own(work)
        except ImageError as error:
            raise ImageError(
                ErrorClass.CONFLICT, f"the output that stands cannot be decoded: {error.message}"
            ) from error
        wanted = [self._output_shape(page.pixels) for page in work.source.pages]
        found = [page.pixels.shape[:2] for page in picture.pages]
        if wanted != found:
            raise ImageError(
                ErrorClass.CONFLICT,
                f"the output that stands is {found[0][1]}x{found[0][0]} px, expected "
                f"{wanted[0][1]}x{wanted[0][0]}",
            )
        work.sr = picture

    def _own(self, work: Work) -> Picture:
        """Decode the output that stands, each page of which may be as large as outputs may be."""
        assert work.source is not None
        assert work.standing is not None
        most = self._limits.max_output_px * len(work.source.pages)
        return decode(work.standing, replace(self._output_limits, max_source_px=most))

    def measure(self, work: Work) -> None:
        """Measure the first page's quality. What cannot be measured stays null, with a warning.

        A row describes the bytes that stand, so lossy outputs are decoded again. The output is
        already written: nothing that goes wrong here may fail the image.
        """
        if not self._config.measure:
            return
        try:
            with work.timed("measure"):
                if work.sr is None or work.image.output_format in LOSSY:
                    work.sr = None  # before its successor takes as much room
                    work.sr = self._own(work)
                assert work.source is not None
                measures = measure(
                    _visible(work.source.pages[0]),
                    _visible(work.sr.pages[0]),
                    upscale=self._self_upscale,
                    scale=self._scale,
                    reference=self._reference(work),
                )
        except RetryLaterError:
            raise
        except Exception as error:  # noqa: BLE001 - the output stands, so the image is ok
            work.warn(f"not measured: {type(error).__name__}: {error}"[:300])
            return
        for name in fields(measures):
            value = getattr(measures, name.name)
            if name.name == "warnings":
                work.warn(*value)
            else:
                work.facts[name.name] = value

    def _self_upscale(self, pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        with self._device():
            return self._upscaler.upscale(pixels, height * self._scale, width * self._scale).pixels

    def _reference(self, work: Work) -> Pixels | None:
        key = work.image.image.reference_key
        if key is None:
            return None
        try:
            data, _ = self.source.read_object(
                key, max_bytes=self._config.max_source_bytes, deadline_s=self._deadline_s
            )
            return _visible(decode(data, self._output_limits).pages[0])
        except ImageError as error:
            work.warn(f"reference {key}: {error.error_class}: {error.message}")
            return None

    @staticmethod
    def _source_pixels(work: Work) -> Pixels:
        assert work.source is not None
        return work.source.pages[0].pixels

    def _output_shape(self, pixels: Pixels) -> tuple[int, int]:
        height, width = pixels.shape[:2]
        wide, high = output_size(width, height, self._config.scale, self._config.target)
        return high, wide


def _joined(names: Iterable[str | None]) -> str | None:
    """Join the different names of an image's pages; None if there is none."""
    return ", ".join(sorted({name for name in names if name is not None})) or None


def _visible(page: Page) -> Pixels:
    """Return what is seen of a page: colours that are transparent have nothing to compare."""
    return page.pixels if page.alpha is None else premultiply(page.pixels, page.alpha)
