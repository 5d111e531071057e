"""Arrays and bytes too large for memory, kept in unlinked temporary files.

An object larger than `limit_bytes` lives in a memory-mapped file in the folder for temporary files
(TMPDIR). The file is unlinked before use, so it disappears with the object, or with a process that
is killed. Its pages belong to the kernel's page cache, which can write them out. A thread unmaps
them soon after they were touched, whichever code touched them, so that a picture of gigabytes never
fills the resident memory of the process.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sr_core.errors import ErrorClass, ImageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Blob = bytes | mmap.mmap
"""The bytes of a file: `bytes`, or a scratch file if large. Slices of both are `bytes`."""

limit_bytes = 64 << 20
"""Size above which arrays and blobs go to files; processes with a memory plan set it at start."""

_RESIDENT_BYTES = 32 << 20
"""Resident memory of all scratch files above which their pages are evicted."""
_TICK_S = 0.01
_EVICTIONS_IN_VAIN = 10
"""Evictions in a row after which the pages left are taken for those of other files."""
_COPIED_BYTES = 32 << 20
"""Bytes copied at once by `owned`."""

_Array = TypeVar("_Array", bound=NDArray[Any])


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a contiguous array with undefined values; a large one lives in a scratch file.

    Disk space is allocated at once: writing to a mapping of a full disk would kill the process.

    Raises: ImageError with class out_of_memory if the file cannot be created.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size <= limit_bytes:
        return np.empty(shape, dtype)
    with _explaining(size), _file() as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        mapping = mmap.mmap(file.fileno(), size)
    _evictor.watch(mapping)
    return np.frombuffer(mapping, dtype).reshape(shape)


def owned(array: _Array) -> _Array:
    """Return a contiguous, writable array that lives in a scratch file if large.

    The array itself if it has all these properties, otherwise a copy.

    Raises: ImageError with class out_of_memory if the file cannot be created.
    """
    placed = array.nbytes <= limit_bytes or _is_in_file(array)
    if placed and array.flags.c_contiguous and array.flags.writeable:
        return array
    copy = empty(array.shape, array.dtype)
    step = max(1, _COPIED_BYTES * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), step):
        copy[start : start + step] = array[start : start + step]
    return copy  # type: ignore[return-value]  # of the array's own type


class Spool:
    """A file under construction: in memory while small, then in a scratch file."""

    def __init__(self) -> None:
        self._memory: io.BytesIO | None = io.BytesIO()
        self._file: io.FileIO | io.BytesIO = self._memory
        self.size = 0

    def __del__(self) -> None:
        """Close the file of a spool that was never finished."""
        self._file.close()

    def write(self, *parts: ReadableBuffer) -> None:
        """Append parts.

        Raises: ImageError with class out_of_memory if the file cannot grow.
        """
        for part in parts:
            size = memoryview(part).nbytes
            with _explaining(self.size + size):
                if self._memory is not None and self.size + size > limit_bytes:
                    self._spill(self._memory)
                _write(self._file, memoryview(part))
            self.size += size

    def overwrite(self, position: int, data: bytes) -> None:
        """Replace bytes that were written before."""
        self._file.seek(position)
        with _explaining(self.size):
            _write(self._file, memoryview(data))
        self._file.seek(self.size)

    def finish(self) -> Blob:
        """Return everything that was written, and close the spool."""
        with self._file as file:
            if self._memory is not None:
                return self._memory.getvalue()
            mapping = mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        _evictor.watch(mapping)
        return mapping

    def _spill(self, memory: io.BytesIO) -> None:
        self._file, self._memory = _file(), None
        with memory.getbuffer() as view:
            _write(self._file, view)


def _file() -> io.FileIO:
    # Unbuffered: after a failed write, a buffer would fail once more when the file is closed.
    return tempfile.TemporaryFile(prefix="srfleet-", buffering=0)


def _write(file: io.FileIO | io.BytesIO, data: memoryview) -> None:
    """Write all data, in several calls if the system accepts only a part."""
    rest = data.cast("B")
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def _explaining(size: int) -> Iterator[None]:
    """Convert an OSError of the folder or its disk to an ImageError that says what to do.

    Callers would otherwise take it for a fault of the image that they read or write.
    """
    try:
        yield
    except OSError as error:
        folder = tempfile.gettempdir()
        try:
            free = f"{shutil.disk_usage(folder).free / 1e6:.0f} MB are free"
        except OSError as gone:
            free = f"{gone.strerror}"
        raise ImageError(
            ErrorClass.OUT_OF_MEMORY,
            f"{folder} takes no scratch file of {size / 1e6:.0f} MB ({error.strerror or error}; "
            f"{free}): make room there, or let TMPDIR name another folder",
        ) from error


def in_memory(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Return True if the folder is on a file system in memory, as /tmp is on many systems.

    Args:
        folder: the folder.
        mounts: the kernel's table of mounts; a folder counts as on disk if it cannot be read.
    """
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return False  # not Linux
    types = {
        Path(place.encode().decode("unicode_escape")): kind
        for _, place, kind, *_ in map(str.split, lines)
    }
    folder = folder.resolve()
    mounted = (types[at] for at in (folder, *folder.parents) if at in types)
    return next(mounted, None) in ("tmpfs", "ramfs")


def _is_in_file(array: NDArray[Any]) -> bool:
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


class _Evictor:
    """Evicts the pages of scratch files from resident memory once there are too many.

    Nothing is lost: the mappings are shared, so their pages stay in the page cache and the file.
    """

    def __init__(self) -> None:
        self._mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._runs = False

    def watch(self, mapping: mmap.mmap) -> None:
        """Watch a mapping for as long as it exists."""
        with self._lock:
            self._mappings.add(mapping)
            # Resident pages of other files, such as the code of libraries. Read here, before the
            # mapping can be touched.
            floor = _resident_bytes()
            if not self._runs and floor is not None:
                self._runs = True
                threading.Thread(
                    target=self._run, args=[floor], name="scratch", daemon=True
                ).start()

    def _run(self, floor: int) -> None:
        left: list[int] = []
        while self._is_needed():
            bound = floor + _RESIDENT_BYTES
            now = _resident_bytes() or 0
            if now > bound:
                self._evict()
                now = _resident_bytes() or 0
            left = [*left, now] if now > bound else []
            floor = min(floor, now)
            if len(left) == _EVICTIONS_IN_VAIN:
                # Libraries were loaded meanwhile. The least of several readings, as others touch
                # scratch files between an eviction and its reading.
                floor, left = min(left), []
            time.sleep(_TICK_S)

    def _is_needed(self) -> bool:
        """Return False, and stop watching, if no mapping is left."""
        with self._lock:
            self._runs = len(self._mappings) > 0
            return self._runs

    def _evict(self) -> None:
        with self._lock:
            mappings = list(self._mappings)
        for mapping in mappings:
            mapping.madvise(mmap.MADV_DONTNEED)


def _resident_bytes() -> int | None:
    """Return the resident bytes of mapped files; None if /proc is missing, as outside Linux."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[2]
    except OSError:
        return None
    return int(pages) * mmap.PAGESIZE


_evictor = _Evictor()
