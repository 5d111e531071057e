"""How a command ends: the exit codes that schedulers act on, and which error comes to which."""

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
    """What the operating system is told. 75 is its EX_TEMPFAIL."""

    DONE = 0
    USAGE = 2
    """The command cannot work as it was given."""
    FAILED_IMAGES = 3
    """Done, but some images failed, or a check found something."""
    TRY_AGAIN = 75
    """Not finished; the same command goes on where it stopped."""


def ending(error: BaseException | None) -> tuple[ExitCode, str] | None:
    """Return the exit code for an error and one line that says it.

    None is for what nobody foresaw: that is a bug, and its traceback is worth more than a line.
    """
    ray = sys.modules.get("ray.exceptions")  # where nothing imported Ray, it raised nothing
    if ray is not None and isinstance(error, ray.RayTaskError):
        return ending(error.cause)  # raised by our code in a worker, whose traceback is its text
    if isinstance(error, SrfleetError):
        code = ExitCode.TRY_AGAIN if _may_pass(error) else ExitCode.USAGE
    elif isinstance(error, OSError):
        code = ExitCode.USAGE if isinstance(error, _WRONG_PATH) else ExitCode.TRY_AGAIN
    elif ray is not None and isinstance(error, ray.RayError):
        return ExitCode.TRY_AGAIN, f"Ray gave up: {str(error).strip().partition(chr(10))[0]}"
    else:
        return None
    return code, str(error)


def _may_pass(error: SrfleetError) -> bool:
    """Tell an outage, be it of one object without which nothing goes on, from a mistake."""
    if isinstance(error, StorageError):
        return error.error_class is ErrorClass.NETWORK
    return isinstance(error, RetryLaterError)
