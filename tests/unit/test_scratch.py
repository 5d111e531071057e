"""Large arrays and files live in unlinked files and release both memory and disk."""

from __future__ import annotations

import mmap
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError

LIMIT = 1 << 16


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scratch, "limit_bytes", LIMIT)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Limit every file of this process to a quarter of a MiB, as a quota would."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def unlinked(folder: Path) -> list[int]:
    """Return the disk usage of each open, unlinked file in a folder."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if target.startswith(f"{folder}/") and target.endswith(" (deleted)"):
            found.append(os.stat(int(descriptor)).st_blocks * 512)
    return found


def evictors() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "scratch"]


def test_arrays_up_to_the_limit_are_ordinary(folder: Path) -> None:
    array = scratch.empty((LIMIT // 2,), np.uint16)
    assert array.flags.owndata
    assert (unlinked(folder), evictors()) == ([], [])


def test_a_large_array_is_a_file_that_has_no_name_and_goes_with_it(folder: Path) -> None:
    array = scratch.empty((300, 1000, 3), np.uint16)
    assert (array.shape, array.dtype) == ((300, 1000, 3), np.uint16)
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert list(folder.iterdir()) == []
    (size,) = unlinked(folder)
    assert size >= array.nbytes, "its room is taken at once"
    row = array[7]
    del array
    assert unlinked(folder) == [size], "a view keeps it"
    (evictor,) = evictors()
    del row
    evictor.join(10)
    assert not evictor.is_alive()
    assert unlinked(folder) == []


def test_pages_leave_the_process_and_come_back_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scratch, "_RESIDENT_BYTES", 0)
    evicted = threading.Event()

    class Watched(mmap.mmap):
        def madvise(self, *arguments: int) -> None:
            super().madvise(*arguments)
            evicted.set()

    monkeypatch.setattr(mmap, "mmap", Watched)
    array = scratch.empty((1 << 20,), np.uint8)
    for _ in range(3):
        evicted.clear()
        array[:] = np.arange(array.size) % 251
        assert evicted.wait(10)
        np.testing.assert_array_equal(array, np.arange(array.size) % 251)


def test_a_full_disk_is_the_images_error_and_says_what_helps(folder: Path, full_disk: None) -> None:
    with pytest.raises(ImageError, match=rf"{folder} takes no .* 1 MB .*TMPDIR") as caught:
        scratch.empty((1 << 20,), np.uint8)
    assert caught.value.error_class is ErrorClass.OUT_OF_MEMORY
    assert unlinked(folder) == []
    spool = scratch.Spool()
    with pytest.raises(ImageError, match="TMPDIR") as caught:
        spool.write(*[bytes(10_000)] * 100)
    assert caught.value.error_class is ErrorClass.OUT_OF_MEMORY


def test_a_folder_that_is_gone_is_not_the_images_fault(folder: Path) -> None:
    folder.rmdir()
    spool = scratch.Spool()
    for use in (lambda: scratch.empty((1 << 20,), np.uint8), lambda: spool.write(bytes(1 << 20))):
        with pytest.raises(ImageError, match=rf"{folder} takes no .*No such file") as caught:
            use()
        assert caught.value.error_class is ErrorClass.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("folder", "found"),
    [("/tmp", True), ("/tmp/a/b", True), ("/tmp/a disk/x", False), ("/tmpfs", False), ("/", False)],
)
def test_files_that_are_in_memory_themselves(folder: str, found: bool, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\n"
        "tmpfs /tmp tmpfs rw,size=8g 0 0\n"
        "/dev/sdb1 /tmp/a\\040disk xfs rw 0 0\n"
    )
    assert scratch.in_memory(Path(folder), mounts) is found


def test_an_array_is_copied_only_where_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_COPIED_BYTES", 1000)
    small, large = np.zeros((10, 3), np.uint8), scratch.empty((500, 200), np.uint8)
    assert scratch.owned(small) is small
    assert scratch.owned(large) is large
    assert scratch.owned(large[:400]).base is large.base, "rows of a file are in that file"
    ordinary = np.random.default_rng(0).integers(0, 255, (300, 400), np.uint8)
    ordinary.flags.writeable = False
    for array in (ordinary, ordinary.T, ordinary[:, ::-1], large[:, 1:], ordinary[:3]):
        copy = scratch.owned(array)
        np.testing.assert_array_equal(copy, array)
        assert copy.flags.c_contiguous
        assert copy.flags.writeable
        assert copy.flags.owndata == (array.nbytes <= LIMIT)


@pytest.mark.parametrize("size", [0, 1, LIMIT, LIMIT + 1, 5 * LIMIT])
def test_a_spool_returns_what_was_written(folder: Path, size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    spool = scratch.Spool()
    for start in range(0, size, 7000):
        spool.write(memoryview(data)[start : start + 7000], b"")
    assert spool.size == size
    if size > 10:
        spool.overwrite(3, b"1234")
        spool.write(b"end")
        data = data[:3] + b"1234" + data[7:] + b"end"
    blob = spool.finish()
    assert blob[:] == data
    assert len(blob) == len(data)
    assert isinstance(blob, bytes) == (len(data) <= LIMIT) == (unlinked(folder) == [])
    assert list(folder.iterdir()) == []


def test_nothing_is_left_of_a_process_that_is_killed(folder: Path) -> None:
    program = (
        "import os, signal, numpy as np; from sr_core import scratch; "
        "scratch.limit_bytes = 0; spool = scratch.Spool(); spool.write(bytes(1 << 20)); "
        "array = scratch.empty((1 << 20,), np.uint8); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert done.returncode == -9
    assert list(folder.iterdir()) == []
