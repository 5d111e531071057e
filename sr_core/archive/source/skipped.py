"""Names for the kinds of files that are no photographs, in messages."""

from __future__ import annotations

from collections.abc import Mapping

from sr_core.errors import NOT_PHOTOGRAPHS, ErrorClass

_NAMES: dict[str, tuple[str, str]] = {
    ErrorClass.SIDECAR: ("sidecar", "sidecars"),
    ErrorClass.SYSTEM_FILE: ("system file", "system files"),
    ErrorClass.THUMBNAILS: ("folder of thumbnails", "folders of thumbnails"),
    ErrorClass.TRASH: ("item of trash", "items of trash"),
    ErrorClass.EARLIER_RUN: ("object of an earlier run", "objects of earlier runs"),
    ErrorClass.TEXT: ("text", "texts"),
    ErrorClass.DOCUMENT: ("document", "documents"),
    ErrorClass.AUDIO: ("audio file", "audio files"),
    ErrorClass.VIDEO: ("video", "videos"),
    ErrorClass.ARCHIVE: ("archive", "archives"),
    ErrorClass.OTHER: ("other file", "other files"),
    ErrorClass.SPECIAL_FILE: ("special file", "special files"),
    ErrorClass.LINKED_FOLDER: ("link to a folder", "links to folders"),
}


def listed(classes: Mapping[ErrorClass, int] | Mapping[str, int]) -> str:
    """List skipped files by kind, the commonest first: 12 sidecars, 1 system file."""
    kinds = [(kind, count) for kind, count in classes.items() if kind in NOT_PHOTOGRAPHS]
    kinds.sort(key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {_NAMES[kind][count != 1]}" for kind, count in kinds)


def skipped_only(classes: Mapping[ErrorClass, int]) -> dict[ErrorClass, int]:
    """Return the counts of skipped files alone."""
    return {kind: count for kind, count in classes.items() if kind in NOT_PHOTOGRAPHS}


def failed_only(classes: Mapping[ErrorClass, int]) -> dict[ErrorClass, int]:
    """Return the counts of failed images alone."""
    others = NOT_PHOTOGRAPHS | {ErrorClass.DUPLICATE_KEY}
    return {kind: count for kind, count in classes.items() if kind not in others}
