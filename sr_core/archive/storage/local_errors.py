"""Operating system errors, sorted into those of one object and those of the whole store."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sr_core.errors import ErrorClass, SrfleetError, StorageError, StorageUnavailableError

_FULL = "make room, then run the same command again"
_GONE = "mount the disk or share again, then run the same command again"
_STORE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "make the file system writable",
    errno.ESTALE: _GONE,
    errno.ENOTCONN: _GONE,
    errno.ENODEV: _GONE,
    errno.ENXIO: _GONE,
    errno.EHOSTDOWN: _GONE,
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files of the system",
    errno.ENOLCK: "the file system has neither hard links nor locks: use another one",
}
_OBJECT = {
    errno.ENOENT: ErrorClass.NOT_FOUND,
    errno.EISDIR: ErrorClass.NOT_FOUND,
    errno.ENOTDIR: ErrorClass.NOT_FOUND,
    errno.EACCES: ErrorClass.FORBIDDEN,
    errno.EPERM: ErrorClass.FORBIDDEN,
    errno.ENAMETOOLONG: ErrorClass.KEY_REJECTED,
    errno.ELOOP: ErrorClass.KEY_REJECTED,
    errno.EFBIG: ErrorClass.TOO_LARGE,
    errno.ETIMEDOUT: ErrorClass.NETWORK,
}


@contextmanager
def explaining(action: str, *, otherwise: ErrorClass) -> Iterator[None]:
    """Turn an OSError into an error of this project.

    Args:
        action: what was tried, for the message: "read file:///folder/key".
        otherwise: class of an object's error that has no better one, such as a bad sector.
    """
    try:
        yield
    except OSError as error:
        raise _explain(error, action, otherwise) from error


def _explain(error: OSError, action: str, otherwise: ErrorClass) -> SrfleetError:
    number = error.errno or 0
    said = f"cannot {action}: {os.strerror(number) if number else type(error).__name__}"
    if number in _STORE:
        return StorageUnavailableError(f"{said}: {_STORE[number]}")
    if otherwise is ErrorClass.WRITE and number in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        return StorageError(otherwise, f"{said}: a part of its path is not a folder")
    return StorageError(_OBJECT.get(number, otherwise), said)
