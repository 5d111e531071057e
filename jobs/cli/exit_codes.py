"""Exit codes, which schedulers act on, and the errors that lead to them."""

from __future__ import annotations

import sys
from enum import IntEnum

from sr_core.errors import ErrorClass, RetryLaterError, SrfleetError, StorageError

_WRONG_PATH = (
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


class ExitCode(IntEnum):
    """Exit codes of every command. An unexpected error is a bug: a traceback and exit code 1."""

    DONE = 0
    USAGE = 2
    """Bad usage or configuration: the command cannot work as given."""
    FAILED_IMAGES = 3
    """Done, but some images failed."""
    GATE = 4
    """An image has a verdict that fails the gate of --fail-on, or a run is not accepted."""
    DAMAGE = 5
    """Verify found damage."""
    TRY_AGAIN = 75
    """Not finished; the same command resumes. EX_TEMPFAIL of sysexits.h."""


def ending(error: BaseException | None) -> tuple[ExitCode, str] | None:
    """Return the exit code and the message for an error.

    None for an unexpected error, whose traceback says more than one line could.
    """
    ray = sys.modules.get("ray.exceptions")  # if nothing imported Ray, Ray raised nothing
    if ray is not None and isinstance(error, ray.RayTaskError):
        return ending(error.cause)  # raised by our code in a worker, whose traceback is its text
    if isinstance(error, SrfleetError):
        code = ExitCode.TRY_AGAIN if _is_temporary(error) else ExitCode.USAGE
    elif isinstance(error, OSError):
        code = ExitCode.USAGE if isinstance(error, _WRONG_PATH) else ExitCode.TRY_AGAIN
    elif ray is not None and isinstance(error, ray.RayError):
        return ExitCode.TRY_AGAIN, f"Ray gave up: {str(error).strip().partition(chr(10))[0]}"
    else:
        return None
    return code, str(error)


def _is_temporary(error: SrfleetError) -> bool:
    """Return True for an outage, even one of a single object, and False for a user's mistake."""
    if isinstance(error, StorageError):
        return error.error_class is ErrorClass.NETWORK
    return isinstance(error, RetryLaterError)
