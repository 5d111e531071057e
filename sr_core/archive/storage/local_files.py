"""Files that appear whole and once, and survive a power cut: put-if-absent on a file system."""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sr_core.archive.storage.keys import RESERVED
from sr_core.scratch import Blob

TEMPORARY = f"{RESERVED}tmp-"
LOCK = f"{RESERVED}lock"
_WRITTEN_BYTES = 16 << 20
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES}


def create(root: str, path: str, data: Blob) -> bool:
    """Write a file unless `path` exists.

    The body is written next to its final name and then linked to it, which fails if the name is
    taken. On file systems without hard links, a lock file per root takes their place; the kernel
    releases it when its holder dies.

    Returns:
        False if the path exists; its name is durable then, too.

    Raises: OSError.
    """
    folder = os.path.dirname(path)
    with _temporary(folder, data) as temporary:
        is_new = _link(root, temporary, path)
    # For False too: the writer of the name may not have reached this line yet.
    _sync_folder(folder)
    return is_new


def overwrite(path: str, data: Blob) -> None:
    """Write or overwrite a file; readers see the old content or the new one."""
    folder = os.path.dirname(path)
    with _temporary(folder, data) as temporary:
        os.replace(temporary, path)
    _sync_folder(folder)


def make_folder(folder: str) -> None:
    """Create a folder and its parents, each made durable in its own parent."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    make_folder(parent)
    with suppress(FileExistsError):  # another writer was faster, or a file has this name
        os.mkdir(folder)
    _sync_folder(parent)


def remove_temporaries(root: str, modified_before: float) -> int:
    """Remove temporaries of killed writers, last modified before a time in epoch seconds."""
    removed = 0
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(TEMPORARY):
                path = os.path.join(folder, name)
                with suppress(FileNotFoundError):  # its writer has just finished
                    if os.stat(path).st_mtime <= modified_before:
                        os.unlink(path)
                        removed += 1
    return removed


@contextmanager
def _temporary(folder: str, data: Blob) -> Iterator[str]:
    path = os.path.join(folder, f"{TEMPORARY}{os.getpid()}-{uuid.uuid4().hex}")
    # Not tempfile: its files are private to the user, regardless of the umask.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest[:_WRITTEN_BYTES]) :]
            os.fsync(descriptor)
        yield path
    finally:
        with suppress(FileNotFoundError):  # it was renamed
            os.unlink(path)


def _link(root: str, temporary: str, path: str) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        return _rename_under_lock(root, temporary, path)
    return True


def _rename_under_lock(root: str, temporary: str, path: str) -> bool:
    # The lock file stays: removing it could hand the same lock to two writers.
    lock = os.open(os.path.join(root, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.lexists(path):
            return False
        os.rename(temporary, path)
        return True
    finally:
        os.close(lock)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)
