"""The closed list of error classes, and the exceptions that carry them."""

from __future__ import annotations

from enum import StrEnum


class ErrorClass(StrEnum):
    """Why an image has no output. Every failed row carries exactly one."""

    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    NETWORK = "network"
    SOURCE_CHANGED = "source_changed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_MODE = "unsupported_mode"
    ANIMATED = "animated"
    DECODE = "decode"
    OUT_OF_MEMORY = "out_of_memory"
    WORKER_CRASH = "worker_crash"
    WRITE = "write"
    KEY_REJECTED = "key_rejected"
    CONFLICT = "conflict"
    DUPLICATE_KEY = "duplicate_key"
    INTERNAL = "internal"


class SrfleetError(Exception):
    """Anything this project raises for a person to read."""


class ConfigurationError(SrfleetError):
    """The command cannot run as it was given: one line with what, which value, what to do."""


class RetryLaterError(SrfleetError):
    """Nothing is wrong with the command, but it cannot go on now; the same command will resume."""


class DamagedError(SrfleetError):
    """An object of a run's root is not what it must be; the message names it."""


class ImageError(SrfleetError):
    """One image cannot be processed. Its row becomes `failed`; its neighbours go on."""

    def __init__(self, error_class: ErrorClass, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message

    def __reduce__(self) -> tuple[type[ImageError], tuple[ErrorClass, str]]:
        """Pickle with both arguments; exceptions cross process boundaries."""
        return type(self), (self.error_class, self.message)


class StorageError(ImageError):
    """One object cannot be read or written; the store as a whole answers."""


class StorageUnavailableError(RetryLaterError):
    """The whole store cannot be used now: credentials expired, endpoint down, disk full."""
