"""Actors that fail in chosen ways, in real Ray processes, with the real pipeline."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.upscale import actors
from jobs.upscale.actors import ActorReport, UpscaleActor

if TYPE_CHECKING:
    from sr_core.engine.work import Work
from sr_core.archive.storage import Store
from sr_core.scratch import Blob
from tests.support.store_decorator import StoreDecorator


class KillingStore(StoreDecorator):
    """A store whose process is killed before or after its n-th write, once for each fuse file."""

    def __init__(self, store: Store, fuse: Path, write: int, moment: str) -> None:
        super().__init__(store)
        self._fuse, self._moment = fuse, moment
        self._write, self._writes = write, count(1)

    def put_if_absent(
        self, key: str, data: Blob, metadata: Mapping[str, str] | None = None
    ) -> bool:
        due = next(self._writes) == self._write  # many threads write; count() is atomic
        if due and self._moment == "before":
            blow(self._fuse)
        written = super().put_if_absent(key, data, metadata)
        if due and self._moment == "after":
            blow(self._fuse)
        return written


def blow(fuse: Path) -> None:
    """Kill this process, unless the fuse has blown already."""
    try:
        os.close(os.open(fuse, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at_write(fuse: Path, write: int, moment: str) -> type[UpscaleActor]:
    """Return an actor class that is killed at its n-th write of an image or metrics part."""

    class KilledAtWrite(UpscaleActor):
        def start(self) -> ActorReport:
            opened = actors.open_store
            actors.open_store = lambda uri: KillingStore(opened(uri), fuse, write, moment)
            try:
                return super().start()
            finally:
                actors.open_store = opened

    return KilledAtWrite


def killed_by(*keys: str) -> type[UpscaleActor]:
    """Return an actor class that is killed whenever it upscales one of these images."""

    class KilledBy(UpscaleActor):
        def start(self) -> ActorReport:
            report = super().start()
            from sr_core.engine.pipeline import Pipeline

            upscale = Pipeline._upscale

            def kill_or_upscale(pipeline: Pipeline, work: Work) -> None:
                if work.assignment.image.key in keys:
                    os.kill(os.getpid(), signal.SIGKILL)
                upscale(pipeline, work)

            Pipeline._upscale = kill_or_upscale  # type: ignore[method-assign]
            return report

    return KilledBy


def failing_to_start(folder: Path, times: int, *, die: bool) -> type[UpscaleActor]:
    """Return an actor class whose first `times` starts fail, by an error or by dying."""

    class FailingToStart(UpscaleActor):
        def start(self) -> ActorReport:
            for number in range(times):
                fuse = folder / f"start-{number}"
                if not fuse.exists():
                    if die:
                        blow(fuse)
                    fuse.touch()
                    raise OSError("the device is on fire")
            return super().start()

    return FailingToStart


def out_of_memory_for(*keys: str) -> type[UpscaleActor]:
    """Return an actor class whose device is too small for some images, even in tiny tiles."""

    class OutOfMemory(UpscaleActor):
        def start(self) -> ActorReport:
            report = super().start()
            from sr_core.engine.pipeline import Pipeline

            upscale = Pipeline._upscale

            def fail_or_upscale(pipeline: Pipeline, work: Work) -> None:
                if work.assignment.image.key in keys:
                    raise MemoryError
                upscale(pipeline, work)

            Pipeline._upscale = fail_or_upscale  # type: ignore[method-assign]
            return report

    return OutOfMemory
