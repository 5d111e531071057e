"""Writers in separate processes that race, or die at chosen points."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier

from sr_core.archive.storage import open_store
from sr_core.errors import SrfleetError


def race(root: str, name: str, hard_links: bool, start: Barrier, answers: str) -> None:
    """Put 40 objects while another process puts the same ones, and record which puts won."""
    if not hard_links:
        os.link, os.rename = _refuse, _rename_late
    store = open_store(root)
    body = name.encode() * 1000
    start.wait(60)
    won = [store.put_if_absent(f"metrics/{number:02}", body) for number in range(40)]
    with open(answers, "w", encoding="ascii") as file:
        file.write("".join("01"[each] for each in won))


def put_and_die(root: str, where: str) -> None:
    """Put an object and get killed: after the body, or before the temporary file is removed."""
    setattr(os, where, _die)
    open_store(root).put_if_absent("images/a.png", b"body" * 1000)


def _refuse(*_: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def _rename_late(old: str, new: str, rename: Callable[[str, str], None] = os.rename) -> None:
    time.sleep(0.001)  # without a lock, the other process would interfere here
    rename(old, new)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _report(call: Callable[[], object]) -> None:
    try:
        print(call())  # noqa: T201
    except SrfleetError as error:
        print(type(error).__name__, error)  # noqa: T201


if __name__ == "__main__":  # on a file system of 256 KiB that is mounted at the given folder
    store = open_store(sys.argv[1])
    _report(lambda: store.put_if_absent("images/big.png", b"x" * 1_000_000))
    _report(lambda: store.replace("report.html", b"x" * 1_000_000))
    _report(lambda: [name for _, _, names in os.walk(sys.argv[1]) for name in names])
    _report(lambda: store.put_if_absent("images/small.png", b"x" * 1000))
