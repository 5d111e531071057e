"""Time and permissions of a source, carried to its output as object metadata or on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

_MODIFIED, _MODE = "source-modified", "source-mode"
_OWNER_READS, _PERMISSIONS = 0o400, 0o777


@dataclass(frozen=True, slots=True)
class Origin:
    """Time of last modification and permission bits of a source; None if unknown."""

    modified_at: datetime | None = None
    mode: int | None = None

    def as_metadata(self) -> dict[str, str]:
        """Return the metadata of an object that carries them."""
        found = {}
        if self.modified_at is not None:
            found[_MODIFIED] = self.modified_at.isoformat()
        if self.mode is not None:
            found[_MODE] = f"{self.mode & _PERMISSIONS:04o}"
        return found


def apply_to_file(path: str, metadata: Mapping[str, str]) -> None:
    """Give a file the time and permissions in its metadata.

    Its owner may always read it. File systems that keep neither are no error.
    """
    with suppress(OSError, ValueError):
        if _MODE in metadata:
            os.chmod(path, int(metadata[_MODE], 8) & _PERMISSIONS | _OWNER_READS)
    with suppress(OSError, ValueError, OverflowError):
        if _MODIFIED in metadata:
            modified = datetime.fromisoformat(metadata[_MODIFIED]).timestamp()
            os.utime(path, (modified, modified))
