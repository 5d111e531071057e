"""Copies of sidecars: written once, or adopted from an earlier attempt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import Origin, Store
from sr_core.engine.work import Copied
from sr_core.errors import ErrorClass, ImageError
from sr_core.records import PlannedSidecar, Sidecar


class Sidecars:
    """Copies the sidecars of a run's images. Safe to use from many threads."""

    def __init__(
        self,
        source: Store,
        ledger: Ledger,
        run_id: str,
        *,
        max_bytes: int,
        deadline_s: float,
        keep_times: bool,
    ) -> None:
        """Copy from a source into a run's root; `keep_times` also copies dates and permissions."""
        self._source, self._ledger, self._run_id = source, ledger, run_id
        self._max_bytes, self._deadline_s = max_bytes, deadline_s
        self._keep_times = keep_times

    def copy(self, planned: Sequence[PlannedSidecar], attempt: str) -> Copied:
        """Copy some sidecars; one that is gone is left out with a warning.

        Raises: ImageError for a sidecar that cannot be read or written, with class conflict if the
            name of its copy is taken by something else.
        """
        copied: list[Sidecar] = []
        gone: list[str] = []
        for each in planned:
            try:
                sidecar = self._copy_one(each, attempt)
            except ImageError as error:
                message = f"the sidecar {each.key}: {error.message}"
                raise ImageError(error.error_class, message) from error
            if sidecar is None:
                gone.append(f"the sidecar {each.key} is gone since the plan")
            else:
                copied.append(sidecar)
        return Copied(tuple(copied), tuple(gone))

    def _copy_one(self, planned: PlannedSidecar, attempt: str) -> Sidecar | None:
        try:
            data, info = self._source.read_object(
                planned.key, max_bytes=self._max_bytes, deadline_s=self._deadline_s
            )
        except ImageError as error:
            if error.error_class is ErrorClass.NOT_FOUND:
                return None
            raise
        sha256 = hashlib.sha256(data).hexdigest()
        key = planned.output_key
        created = self._ledger.put_image(
            key,
            data,
            run_id=self._run_id,
            attempt=attempt,
            sha256=sha256,
            origin=Origin(info.modified_at, info.mode) if self._keep_times else None,
        )
        if not created:
            existing = self._ledger.adoptable(key, self._run_id)
            if existing is None or hashlib.sha256(existing).hexdigest() != sha256:
                message = f"{key} exists with other contents; it was left unchanged"
                raise ImageError(ErrorClass.CONFLICT, message)
        return Sidecar(planned.key, key, sha256)
