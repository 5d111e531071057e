"""A store in a local or mounted folder."""

from __future__ import annotations

import errno
import os
import stat
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa

from sr_core.archive.storage import local_files
from sr_core.archive.storage.keys import RESERVED, check_key
from sr_core.archive.storage.local_errors import explaining
from sr_core.archive.storage.local_listing import describe, etag_of, is_inside, walk
from sr_core.archive.storage.origin import apply_to_file
from sr_core.archive.storage.store import LEFTOVER_AGE_S, ObjectInfo
from sr_core.errors import ErrorClass, ImageError, StorageError, StorageUnavailableError
from sr_core.scratch import Blob

_SPECIAL = (
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
    (lambda _: True, "not a regular file"),
)


class LocalStore:
    """Files under a folder, which the first write creates. See `Store` for the contract."""

    keeps_metadata = False

    def __init__(self, folder: str) -> None:
        """Use an absolute path. Links in the path are followed, links out of the folder never."""
        self.uri = Path(folder).as_uri()
        self.local_path = Path(folder)
        self._folder = folder
        self._root = os.path.realpath(folder)
        self._device = _device(self._root)

    def __reduce__(self) -> tuple[type[LocalStore], tuple[str]]:
        """Pickle only the path; another machine resolves it again."""
        return type(self), (self._folder,)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield files in the order of their keys; none if the folder does not exist."""
        if folder := prefix.rpartition("/")[0]:
            check_key(folder)
        with explaining(f"list {self.uri}/{prefix}".rstrip("/"), otherwise=ErrorClass.NETWORK):
            self._check_there()
            yield from walk(self._root, prefix)

    def head(self, key: str) -> ObjectInfo | None:
        """Describe a file; None if it does not exist."""
        path = self._existing(key)
        with self._reading(key):
            try:
                status = os.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                return None
            return None if stat.S_ISDIR(status.st_mode) else describe(key, status)

    def metadata(self, key: str) -> dict[str, str]:
        """Return an empty mapping: files keep no metadata."""
        with self._reading(key), self._open(key):
            return {}

    def read(
        self,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        deadline_s: float | None = None,  # noqa: ARG002  the system has its own time limits
    ) -> bytes:
        """Read a part of a file, fewer bytes only at its end."""
        with self._reading(key), self._open(key) as descriptor:
            rest = max(0, os.fstat(descriptor).st_size - start)
            return self._read(key, descriptor, start, rest if length is None else min(rest, length))

    def read_object(
        self,
        key: str,
        *,
        max_bytes: int | None = None,
        deadline_s: float | None = None,  # noqa: ARG002  the system has its own time limits
    ) -> tuple[bytes, ObjectInfo]:
        """Read a whole file together with its etag; fails if the file changes meanwhile."""
        with self._reading(key), self._open(key) as descriptor:
            before = os.fstat(descriptor)
            if max_bytes is not None and before.st_size > max_bytes:
                message = f"{self.uri}/{key} has {before.st_size} bytes, over {max_bytes}"
                raise StorageError(ErrorClass.TOO_LARGE, message)
            body = self._read(key, descriptor, 0, before.st_size)
            if etag_of(os.fstat(descriptor)) != etag_of(before):
                raise self._changed(key)
        return body, describe(key, before)

    def put_if_absent(
        self,
        key: str,
        data: Blob,
        metadata: Mapping[str, str] | None = None,
    ) -> bool:
        """Write a file unless its key exists; of its metadata it keeps time and permissions."""
        check_key(key)
        created = self._create(key, data)
        if created and metadata:
            apply_to_file(os.path.join(self._root, key), metadata)
        return created

    def replace(self, key: str, data: Blob) -> None:
        """Write or overwrite a file."""
        check_key(key)
        with self._writing(key):
            local_files.overwrite(self._new(key), data)

    def arrow_file(self, key: str) -> pa.NativeFile:
        """Map a file into memory for pyarrow."""
        with self._reading(key), self._open(key):
            return pa.memory_map(self._existing(key))

    def refuses_overwrites(self) -> bool:
        """Create a probe twice; the second attempt must be refused."""
        key = f"{RESERVED}probe-{uuid.uuid4().hex}"
        try:
            self._create(key, b"first")
            return not self._create(key, b"second")
        finally:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._root, key))

    def remove_leftovers(
        self,
        prefixes: Sequence[str],  # noqa: ARG002  temporaries have reserved names
        *,
        older_than_s: float = LEFTOVER_AGE_S,
    ) -> int:
        """Remove the temporaries of killed writers."""
        with explaining(f"remove leftovers under {self.uri}", otherwise=ErrorClass.WRITE):
            return local_files.remove_temporaries(self._root, time.time() - older_than_s)

    def _existing(self, key: str) -> str:
        """Check a key and resolve it; a link that leaves the root is rejected."""
        check_key(key)
        return self._inside(key, os.path.realpath(os.path.join(self._root, key)))

    def _new(self, key: str) -> str:
        """Return the path to write a key to, and create its folder."""
        self._check_there()
        folder, name = os.path.split(os.path.join(self._root, key))
        folder = self._inside(key, os.path.realpath(folder))
        local_files.make_folder(folder)
        self._device = _device(self._root)
        return os.path.join(folder, name)

    def _create(self, key: str, data: Blob) -> bool:
        with self._writing(key):
            return local_files.create(self._root, self._new(key), data)

    @contextmanager
    def _open(self, key: str) -> Iterator[int]:
        # Non-blocking, as opening a pipe would wait for its writer. The path is already resolved.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        path = self._existing(key)
        self._check_regular(key, path, os.lstat(path).st_mode)  # opening a device may do something
        descriptor = os.open(path, flags)
        try:
            self._check_regular(key, path, os.fstat(descriptor).st_mode)
            yield descriptor
        finally:
            os.close(descriptor)

    def _check_regular(self, key: str, path: str, mode: int) -> None:
        """Refuse anything but a regular file.

        Raises: StorageError, OSError.
        """
        if stat.S_ISREG(mode) or stat.S_ISLNK(mode):  # opening a loop of links is refused
            return
        if not stat.S_ISDIR(mode):
            kind = next(name for is_kind, name in _SPECIAL if is_kind(mode))
            message = f"{self.uri}/{key} is {kind}; it was not opened"
            raise StorageError(ErrorClass.SPECIAL_FILE, message)
        if path != os.path.join(self._root, key):
            message = f"{self.uri}/{key} is a link to a folder of this source, listed by itself"
            raise StorageError(ErrorClass.LINKED_FOLDER, message)
        os.scandir(path).close()  # a folder is listed as an object if it cannot be entered
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    def _read(self, key: str, descriptor: int, start: int, length: int) -> bytes:
        body = os.pread(descriptor, length, start)
        while len(body) < length:  # a signal, or over 2 GiB
            more = os.pread(descriptor, length - len(body), start + len(body))
            if not more:
                raise self._changed(key)
            body += more
        return body

    @contextmanager
    def _reading(self, key: str) -> Iterator[None]:
        with explaining(f"read {self.uri}/{key}", otherwise=ErrorClass.NETWORK):
            try:
                yield
            except FileNotFoundError:
                self._check_there()
                raise

    @contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        with explaining(f"write {self.uri}/{key}", otherwise=ErrorClass.WRITE):
            yield

    def _inside(self, key: str, path: str) -> str:
        if not is_inside(self._root, path):
            message = f"{self.uri}/{key} is or passes a link out of the folder: copy the file in"
            raise ImageError(ErrorClass.KEY_REJECTED, message)
        return path

    def _changed(self, key: str) -> StorageError:
        message = f"{self.uri}/{key} changed while it was read"
        return StorageError(ErrorClass.SOURCE_CHANGED, message)

    def _check_there(self) -> None:
        """Raise if the folder existed before and is gone now.

        A folder that vanishes, or is suddenly on another file system, was unmounted: its files are
        not missing, and a write would go to the disk below the mount point.
        """
        if self._device is not None and _device(self._root) != self._device:
            message = f"{self.uri} is gone: mount it again, then run the same command again"
            raise StorageUnavailableError(message)


def _device(root: str) -> int | None:
    """Return the device number of a folder's file system; None if the folder does not exist."""
    try:
        return os.stat(root).st_dev
    except OSError:
        return None
