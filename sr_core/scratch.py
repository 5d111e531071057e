"""Arrays and bytes too large for memory: kept in temporary files that no folder lists.

What is larger than `limit_bytes` lives in a file in the folder for temporary files (TMPDIR), mapped
into memory. The file is unlinked before it is used, so it goes with the object, or with a process
that is killed. Its pages belong to the kernel's cache, which can write them out; a thread takes
them from this process again soon after they were touched, whoever touched them, so that a picture
of gigabytes never stands in its resident memory.
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
"""The bytes of a file: `bytes`, or a scratch file where they are many. Its slices are bytes."""

limit_bytes = 64 << 20
"""Larger arrays and blobs go to files. Whoever plans a process's memory sets it at the start."""

_RESIDENT_BYTES = 32 << 20
"""How much of all scratch files may stand in resident memory before it is taken out."""
_TICK_S = 0.01
_COPIED_BYTES = 32 << 20

_Array = TypeVar("_Array", bound=NDArray[Any])


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a contiguous array, its values undefined; a large one in a scratch file.

    The file's room is taken at once, so that a disk that fills up later cannot end the process.

    Raises: ImageError with class out_of_memory where there can be no such file.
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
    """Return an array that is contiguous and writable and, if large, in a scratch file.

    A copy only where it is none of these already.
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
    """A file that is being made: in memory while it is small, then in a scratch file."""

    def __init__(self) -> None:
        self._memory: io.BytesIO | None = io.BytesIO()
        self._file: io.FileIO | io.BytesIO = self._memory
        self.size = 0

    def __del__(self) -> None:
        """Close the file of a spool that was given up."""
        self._file.close()

    def write(self, *parts: ReadableBuffer) -> None:
        """Append.

        Raises: ImageError with class out_of_memory where the file can be no larger.
        """
        for part in parts:
            size = memoryview(part).nbytes
            with _explaining(self.size + size):
                if self._memory is not None and self.size + size > limit_bytes:
                    self._spill(self._memory)
                _write(self._file, memoryview(part))
            self.size += size

    def overwrite(self, position: int, data: bytes) -> None:
        """Change bytes that were written."""
        self._file.seek(position)
        with _explaining(self.size):
            _write(self._file, memoryview(data))
        self._file.seek(self.size)

    def finish(self) -> Blob:
        """Return everything; nothing can be written afterwards."""
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
    # Unbuffered: a buffer would try to write again, in vain, when the file is closed.
    return tempfile.TemporaryFile(prefix="srfleet-", buffering=0)


def _write(file: io.FileIO | io.BytesIO, data: memoryview) -> None:
    """Write all of data, in parts where the system takes no more."""
    rest = data.cast("B")
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def _explaining(size: int) -> Iterator[None]:
    """Turn what is wrong with the folder, or its disk, into an image's own error with what helps.

    Otherwise it would look like a fault of the image that is read or written meanwhile.
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
    """Tell whether a folder's files are themselves held in memory, as many systems mount /tmp."""
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
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap)


class _Evictor:
    """Takes the pages of scratch files out of the resident memory once they have become many.

    They are not lost: mapped shared, they stay in the kernel's cache and the file.
    """

    def __init__(self) -> None:
        self._mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._runs = False

    def watch(self, mapping: mmap.mmap) -> None:
        """Look after a mapping until it is gone."""
        with self._lock:
            self._mappings.add(mapping)
            if not self._runs and _resident_bytes() is not None:
                self._runs = True
                threading.Thread(target=self._run, name="scratch", daemon=True).start()

    def _run(self) -> None:
        # Below it are pages that are not of scratch files, such as the libraries' code.
        floor = _resident_bytes() or 0
        while self._evict_above(floor + _RESIDENT_BYTES):
            now = _resident_bytes() or 0
            floor = now if now > floor + _RESIDENT_BYTES else min(floor, now)
            time.sleep(_TICK_S)

    def _evict_above(self, bound: int) -> bool:
        """Return False, once and for all, where no mapping is left."""
        with self._lock:
            mappings = list(self._mappings)
            self._runs = bool(mappings)
        if (_resident_bytes() or 0) > bound:
            for mapping in mappings:
                mapping.madvise(mmap.MADV_DONTNEED)
        return bool(mappings)


def _resident_bytes() -> int | None:
    """Return the resident memory that is mapped from files; None where Linux does not tell."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[2]
    except OSError:
        return None
    return int(pages) * mmap.PAGESIZE


_evictor = _Evictor()
