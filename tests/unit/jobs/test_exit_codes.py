"""Exit codes and messages of errors."""

from __future__ import annotations

import errno

import pytest
import ray.exceptions

from jobs.cli.exit_codes import ending
from sr_core.errors import (
    ConfigurationError,
    ErrorClass,
    RetryLaterError,
    StorageError,
    StorageUnavailableError,
)


def raised_by_a_worker(cause: Exception) -> Exception:
    failed = ray.exceptions.RayTaskError("measure_speed", "Traceback ...\nof the worker", cause)
    return failed.as_instanceof_cause()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("no model 'x'"), 2),
        (StorageError(ErrorClass.FORBIDDEN, "may not read run.json"), 2),
        (StorageError(ErrorClass.NETWORK, "cannot read run.json"), 75),
        (StorageUnavailableError("credentials expired"), 75),
        (RetryLaterError("nothing answers"), 75),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 2),
        (OSError(errno.ENOSPC, "No space left on device", "x"), 75),
        (ConnectionResetError("connection reset"), 75),
        (raised_by_a_worker(ConfigurationError("no model 'x'")), 2),
        (raised_by_a_worker(RetryLaterError("nothing answers")), 75),
    ],
)
def test_what_is_foreseen_has_a_code_and_keeps_its_words(error: Exception, code: int) -> None:
    cause = getattr(error, "cause", error)
    assert ending(error) == (code, str(cause))


def test_what_ray_cannot_do_now_is_worth_another_try_and_one_line() -> None:
    known = ending(ray.exceptions.ActorDiedError())
    assert known is not None
    code, line = known
    assert code == 75
    assert line.startswith("Ray gave up: The actor died")
    assert "\n" not in line


@pytest.mark.parametrize("error", [TypeError("x"), raised_by_a_worker(TypeError("x"))])
def test_a_bug_is_none(error: Exception) -> None:
    assert ending(error) is None
