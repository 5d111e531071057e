"""The stages of one image: fetch, decode, upscale, encode, put, measure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import Origin, Store, read_blob
from sr_core.config import RunConfig
from sr_core.engine.bitonal import as_bitonal_as, with_policy
from sr_core.engine.choosing import choose_upscaler
from sr_core.engine.device import Device
from sr_core.engine.geometry import Geometry
from sr_core.engine.marks import Marks
from sr_core.engine.outputs import Outputs
from sr_core.engine.quality import Quality
from sr_core.engine.sidecars import Sidecars
from sr_core.engine.signing import Ingredient, Signer, can_sign
from sr_core.engine.work import (
    Copied,
    Decoded,
    Fetched,
    Measured,
    Target,
    Times,
    UpscaledPicture,
    Written,
)
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Mark, Picture, decode, encode, losses
from sr_core.inference.pages import upscale_page
from sr_core.inference.several import Chosen
from sr_core.inference.twins import Twins
from sr_core.inference.upscaled import MadeBy, Upscaler
from sr_core.models.catalogue import Checkpoint
from sr_core.records import ManifestRow, PlannedSidecar
from sr_core.scratch import Blob


class Stages:
    """Does the work of each stage for the images of one run. Safe to use from many threads.

    Every stage raises ImageError for an error of its image, and StorageUnavailableError if a whole
    store is unavailable.
    """

    def __init__(  # noqa: PLR0913 - everything that a run's stages need, once
        self,
        source: Store,
        root: Store,
        run_id: str,
        config: RunConfig,
        upscaler: Upscaler,
        *,
        deadline_s: float,
        checkpoints: Sequence[Checkpoint] = (),
        device_model: str | None = None,
        keep_times: bool = True,
        signer: Signer | None = None,
        twins: Twins | None = None,
    ) -> None:
        """Prepare the stages of a run.

        Args:
            source: store of the sources.
            root: store of the run.
            run_id: id of the run, which marks its outputs.
            config: configuration of the run.
            upscaler: upscales one image at a time, and may first choose a model for it.
            deadline_s: time that the reads of one image may take.
            checkpoints: checkpoints of the upscaler, for the marks of its outputs.
            device_model: name of the upscaler's device, for rows.
            signer: signs outputs; None leaves them unsigned.
            twins: networks that outputs of GANs are compared with, for `trust: full`.
            keep_times: give outputs the time and permissions of their sources.
        """
        self.source, self.ledger, self.device_model = source, Ledger(root), device_model
        self._root, self._config = root, config
        self._upscaler, self._deadline_s = upscaler, deadline_s
        self._keep_times = keep_times
        self._signer = signer
        self._marks = Marks(checkpoints, run_id) if config.mark or signer is not None else None
        self._device = Device()
        self._geometry = Geometry(config)
        self._outputs = Outputs(self.ledger, run_id, self._geometry)
        self._sidecars = Sidecars(
            source,
            self.ledger,
            run_id,
            max_bytes=config.max_source_bytes,
            deadline_s=deadline_s,
            keep_times=keep_times,
        )
        self._quality = Quality(
            source,
            self._geometry,
            self._device,
            deadline_s=deadline_s,
            twins=twins if config.trust == "full" else None,
        )

    def fetch(self, image: ManifestRow, times: Times) -> tuple[Blob, Fetched]:
        """Read the source."""
        with times.timed("fetch"):
            data, info = self.source.read_object(
                image.key, max_bytes=self._config.max_source_bytes, deadline_s=self._deadline_s
            )
            origin = Origin(info.modified_at, info.mode)
            return data, Fetched(len(data), info.etag, hashlib.sha256(data).hexdigest(), origin)

    def check_version(self, image: ManifestRow, fetched: Fetched) -> None:
        """Refuse a source that changed after the run was planned."""
        if image.etag is not None and fetched.etag != image.etag:
            raise ImageError(
                ErrorClass.SOURCE_CHANGED,
                f"the source changed after the run was planned (version {image.etag}, now "
                f"{fetched.etag}); --retry-failed takes it as it is now",
            )

    def decode(self, data: Blob, target: Target, times: Times) -> Decoded:
        """Decode the source, and keep the pages that the output can hold."""
        with times.timed("decode"):
            picture = decode(data, self._geometry.limits, salvage=self._config.salvage)
        lost = losses(
            picture,
            target.format,
            strip_gps=self._config.strip_gps,
            marked=self._config.mark,
        )
        pages = len(picture.pages)
        if target.format != "tiff":  # the other formats hold one page
            picture = replace(picture, pages=picture.pages[:1])
        picture, remarks = with_policy(picture, self._config.bitonal, target.format)
        return Decoded(picture, pages, (*picture.warnings, *lost, *remarks))

    def choose(self, data: Blob, picture: Picture, times: Times) -> Chosen:
        """Choose the upscaler of a source by the evidence in it, if the run has several models."""
        with times.timed("decode"):
            return choose_upscaler(self._upscaler, data, picture)

    def check_output(self, picture: Picture, target: Target) -> None:
        """Refuse an output over a limit: the plan may not have known the size of its source."""
        self._geometry.check_output(picture, target.format)

    def find_output(self, target: Target, times: Times) -> Blob | None:
        """Read the output of an earlier attempt, if any."""
        return self._outputs.find(target, times)

    def upscale(self, source: Picture, upscaler: Upscaler, times: Times) -> UpscaledPicture:
        """Upscale every page of a source."""
        with self._device() as idle_ms, times.timed("upscale"):
            times.device_wait_ms = idle_ms
            pages = [
                as_bitonal_as(
                    page, upscale_page(page, upscaler, *self._geometry.output_shape(page.pixels))
                )
                for page in source.pages
            ]
        picture = replace(source, pages=tuple(each.page for each in pages))
        return UpscaledPicture(picture, tuple(each.made_by for each in pages))

    def mark(self, image: ManifestRow, fetched: Fetched, made_by: Sequence[MadeBy]) -> Mark | None:
        """Return the mark of an output; None if the run writes none."""
        if self._marks is None or not made_by:
            return None
        return self._marks.of(made_by[0], fetched.sha256, image.key)

    @property
    def signs(self) -> bool:
        """True if outputs are signed."""
        return self._signer is not None

    def ingredient(
        self, data: Blob, decoded: Decoded, target: Target
    ) -> tuple[Ingredient | None, Decoded]:
        """Return a source as its signed output refers to it; None if that is not signed.

        Also returns the decoded source with the warnings that follow from signing.
        """
        if self._signer is None:
            return None, decoded
        if not can_sign(target.format, len(decoded.picture.pages)):
            warning = "not signed: C2PA would add a page without a picture to this TIFF"
            return None, replace(decoded, warnings=(*decoded.warnings, warning))
        found = self._signer.ingredient(data, decoded.picture.format)
        kept = [
            each
            for each in decoded.warnings
            if not (found.has_manifest and each.startswith("dropped: C2PA manifest"))
        ]
        return found, replace(decoded, warnings=(*kept, *found.warnings))

    def encode(
        self,
        picture: Picture,
        mark: Mark | None,
        ingredient: Ingredient | None,
        target: Target,
        times: Times,
    ) -> Blob:
        """Encode an output with its mark, and sign it if there is an ingredient."""
        with times.timed("encode"):
            data = encode(
                picture,
                target.format,
                self._config.quality,
                strip_gps=self._config.strip_gps,
                mark=mark if self._config.mark else None,
            )
            if self._signer is None or ingredient is None or mark is None:
                return data
            return self._signer.sign(data, target.format, mark, ingredient)

    def read_output(self, key: str) -> Blob:
        """Read the output of another image of this attempt."""
        return read_blob(self._root, key)

    def put(
        self,
        data: Blob,
        sr: Picture | None,
        source: Picture,
        target: Target,
        attempt: str,
        times: Times,
        origin: Origin | None = None,
    ) -> Written | None:
        """Write an output; None if its key exists.

        Another attempt was first then, or this put wrote it but its response was lost.

        Args:
            data: the encoded output.
            sr: the pixels that were encoded, if at hand.
            source: the decoded source.
            target: key and format of the output.
            attempt: name of this attempt.
            times: receives the time spent.
            origin: time and permissions of the source.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        kept = origin if self._keep_times else None
        if not self._outputs.put(data, sha256, target, attempt, times, kept):
            return None
        return self._outputs.written(data, sha256, target, source, sr)

    def adopt(
        self, existing: Blob | None, source: Picture, target: Target, times: Times
    ) -> Written:
        """Adopt an existing output; if it is None, read the one that was written first."""
        if existing is None:
            existing = self._outputs.first_written(target, times)
        return self._outputs.adopted(existing, source, times)

    def copy_sidecars(
        self, planned: Sequence[PlannedSidecar], attempt: str, times: Times
    ) -> Copied:
        """Copy the sidecars of an image beside its output."""
        with times.timed("put"):
            return self._sidecars.copy(planned, attempt)

    def measure(
        self,
        image: ManifestRow,
        source: Picture,
        written: Written,
        upscaler: Upscaler,
        times: Times,
    ) -> Measured | None:
        """Measure an output, with the upscaler that made it; None if the run does not measure."""
        if not self._config.measure:
            return None
        return self._quality.measure(source, written, upscaler, image.reference_key, times)
