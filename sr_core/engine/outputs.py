"""Outputs in storage: written once, or adopted from an earlier attempt."""

from __future__ import annotations

import hashlib

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import Origin
from sr_core.engine.geometry import Geometry
from sr_core.engine.work import Target, Times, Written
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import LOSSY, Picture
from sr_core.scratch import Blob


class Outputs:
    """Writes and adopts the outputs of one run. Safe to use from many threads."""

    def __init__(self, ledger: Ledger, run_id: str, geometry: Geometry) -> None:
        """Write into a run's root; `run_id` marks and recognises its outputs."""
        self._ledger, self._run_id, self._geometry = ledger, run_id, geometry

    def find(self, target: Target, times: Times) -> Blob | None:
        """Read the output of an earlier attempt of this run; None if there is none.

        Raises: ImageError with class conflict if the object belongs to something else.
        """
        with times.timed("fetch"):
            return self._ledger.adoptable(target.key, self._run_id)

    def put(
        self,
        data: Blob,
        sha256: str,
        target: Target,
        attempt: str,
        times: Times,
        origin: Origin | None = None,
    ) -> bool:
        """Write an output, with time and permissions of an origin; False if its key exists already.

        Raises: ImageError, StorageUnavailableError.
        """
        with times.timed("put"):
            return self._ledger.put_image(
                target.key,
                data,
                run_id=self._run_id,
                attempt=attempt,
                sha256=sha256,
                origin=origin,
            )

    def first_written(self, target: Target, times: Times) -> Blob:
        """Read an output that was written between `find` and `put`.

        Raises: ImageError with class conflict if it is not of this run, or gone again.
        """
        with times.timed("put"):
            existing = self._ledger.adoptable(target.key, self._run_id)
        if existing is None:
            message = f"{target.key} existed and was removed at once; --retry-failed writes it"
            raise ImageError(ErrorClass.CONFLICT, message)
        return existing

    def adopted(self, data: Blob, source: Picture, times: Times) -> Written:
        """Return an existing output with the pixels of its bytes.

        Raises: ImageError with class conflict if they are not the image that is wanted.
        """
        try:
            with times.timed("put"):
                picture = self._geometry.decode_output(data, len(source.pages))
        except ImageError as error:
            raise ImageError(
                ErrorClass.CONFLICT, f"the existing output cannot be decoded: {error.message}"
            ) from error
        wanted = [self._geometry.output_shape(page.pixels) for page in source.pages]
        found = [page.pixels.shape[:2] for page in picture.pages]
        if wanted != found:
            raise ImageError(
                ErrorClass.CONFLICT,
                f"the existing output is {found[0][1]}x{found[0][0]} px, expected "
                f"{wanted[0][1]}x{wanted[0][0]}",
            )
        sha256 = hashlib.sha256(data).hexdigest()
        height_px, width_px = wanted[0]
        return Written(data, picture, sha256, width_px, height_px, adopted=True)

    def written(
        self, data: Blob, sha256: str, target: Target, source: Picture, sr: Picture | None
    ) -> Written:
        """Return an output that this attempt wrote.

        Args:
            data: its bytes.
            sha256: their hash.
            target: its key and format.
            source: the decoded source.
            sr: the pixels that were encoded, if at hand; a lossy format changes them.
        """
        height_px, width_px = self._geometry.output_shape(source.pages[0].pixels)
        picture = None if target.format in LOSSY else sr
        return Written(data, picture, sha256, width_px, height_px, adopted=False)
