"""Error classes of images, and the exceptions of this project."""

from __future__ import annotations

from enum import StrEnum


class ErrorClass(StrEnum):
    """Reason why a file has no output. Every row that is not ok has exactly one.

    The list is closed. Those of NOT_PHOTOGRAPHS say what a skipped file is.
    """

    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    NETWORK = "network"
    SOURCE_CHANGED = "source_changed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_MODE = "unsupported_mode"
    UNSUPPORTED_COLOUR = "unsupported_colour"
    ANIMATED = "animated"
    DECODE = "decode"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_CRASH = "worker_crash"
    WRITE = "write"
    KEY_REJECTED = "key_rejected"
    CONFLICT = "conflict"
    DUPLICATE_KEY = "duplicate_key"
    INTERNAL = "internal"
    # of skipped files
    SIDECAR = "sidecar"
    SYSTEM_FILE = "system_file"
    THUMBNAILS = "thumbnails"
    TRASH = "trash"
    EARLIER_RUN = "earlier_run"
    TEXT = "text"
    DOCUMENT = "document"
    AUDIO = "audio"
    VIDEO = "video"
    ARCHIVE = "archive"
    OTHER = "other"
    SPECIAL_FILE = "special_file"
    LINKED_FOLDER = "linked_folder"


NOT_PHOTOGRAPHS = frozenset(
    {
        ErrorClass.SIDECAR,
        ErrorClass.SYSTEM_FILE,
        ErrorClass.THUMBNAILS,
        ErrorClass.TRASH,
        ErrorClass.EARLIER_RUN,
        ErrorClass.TEXT,
        ErrorClass.DOCUMENT,
        ErrorClass.AUDIO,
        ErrorClass.VIDEO,
        ErrorClass.ARCHIVE,
        ErrorClass.OTHER,
        ErrorClass.SPECIAL_FILE,
        ErrorClass.LINKED_FOLDER,
    }
)
"""Classes of files that are no photographs: their rows are skipped, which is no failure."""


class SrfleetError(Exception):
    """Base of all exceptions whose message is meant for the user."""


class ConfigurationError(SrfleetError):
    """The command cannot run as given; the message is one line: what, which value, what to do."""


class RetryLaterError(SrfleetError):
    """The command is valid but cannot continue now; the same command resumes later."""


class DamagedError(SrfleetError):
    """An object in a run's root is damaged; the message names it."""


class ImageError(SrfleetError):
    """One image cannot be processed. Its row becomes `failed`; other images are not affected."""

    def __init__(self, error_class: ErrorClass, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message

    def __reduce__(self) -> tuple[type[ImageError], tuple[object, ...]]:
        """Keep both arguments when pickled; exceptions cross process boundaries."""
        return type(self), (self.error_class, self.message)


class NotAnImageError(ImageError):
    """The content of a file is no image: whether that is a failure depends on the file's name."""

    def __init__(self, error_class: ErrorClass, message: str, content: ErrorClass | None) -> None:
        """Create the error; `content` is one of NOT_PHOTOGRAPHS, or None for an empty file."""
        super().__init__(error_class, message)
        self.content = content

    def __reduce__(self) -> tuple[type[NotAnImageError], tuple[object, ...]]:
        """Keep all arguments when pickled."""
        return type(self), (self.error_class, self.message, self.content)


class StorageError(ImageError):
    """One object cannot be read or written, although the store as a whole responds."""


class StorageUnavailableError(RetryLaterError):
    """The whole store is unavailable: credentials expired, endpoint down, disk full."""
