"""Some images of a shard through the stages: readers, the device, writers."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from sr_core.archive.source.rules import final_error
from sr_core.engine.budget import PixelBudget
from sr_core.engine.rows import row_of
from sr_core.engine.stages import Stages
from sr_core.engine.work import Failure, Work
from sr_core.errors import ErrorClass, ImageError, SrfleetError
from sr_core.imaging.codecs import renamed
from sr_core.records import MetricsRow
from sr_core.scratch import Blob

_log = logging.getLogger(__name__)


class Pipeline:
    """One pass of some images through the stages; used once."""

    def __init__(self, works: Sequence[Work], stages: Stages, budget: PixelBudget) -> None:
        """Prepare a pass; `budget` may be shared with other passes."""
        self._works, self._stages, self._budget = works, stages, budget
        self._ready: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._broken: BaseException | None = None
        self._firsts: dict[tuple[str, str], Work] = {}

    def run(self, threads: int) -> list[MetricsRow]:
        """Process the images and return their rows.

        Args:
            threads: threads that read, and as many that write.

        Raises: SrfleetError if something concerns more than one image.
        """
        readers = ThreadPoolExecutor(threads, "read")
        writers = ThreadPoolExecutor(threads, "write")
        writing: list[Future[MetricsRow]] = []
        with readers, writers:
            for work in self._works:
                readers.submit(self._read, work)
            # In the order in which they are ready: waiting for a certain image could wait for
            # room that only later ones can free.
            written: list[Work] = []
            for _ in self._works:
                work = self._ready.get()
                self._step(work, "upscale", self._upscale)
                writing.append(writers.submit(self._write, work))
                written.append(work)
        if self._broken is not None:
            raise self._broken
        rows = {id(work): made.result() for work, made in zip(written, writing, strict=True)}
        return [rows[id(work)] for work in self._works]

    def _step(self, work: Work, doing: str, step: Callable[[Work], None]) -> None:
        """Run a step of an image, unless the image or the pass has failed.

        This is the only error boundary: an error becomes the failure of its image, or ends the
        pass.
        """
        if self._broken is not None or work.failure is not None:
            return
        try:
            step(work)
        except ImageError as error:
            final = final_error(work.assignment.image.key, error)
            work.failure = Failure(final.error_class, final.message)
        except MemoryError:
            work.failure = Failure(ErrorClass.OUT_OF_MEMORY, f"not enough memory to {doing}")
        except SrfleetError as error:
            self._broken = error  # concerns the store or the configuration, so every image
        except Exception as error:  # noqa: BLE001 - an unforeseen image must not stop its neighbours
            _log.exception("%s of %s", doing, work.assignment.image.key)
            work.failure = Failure(ErrorClass.INTERNAL, f"{type(error).__name__}: {error}")
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self._broken = error

    # readers

    def _read(self, work: Work) -> None:
        try:
            self._step(work, "fetch and decode", self._fetch_and_decode)
        finally:
            self._ready.put(work)

    def _fetch_and_decode(self, work: Work) -> None:
        work.held_px = self._budget.acquire(work.weight_px)
        image, target, times = work.assignment.image, work.target, work.times
        data, work.fetched = self._stages.fetch(image, times)
        self._stages.check_version(image, work.fetched)
        decoded = self._stages.decode(data, target, times)
        work.ingredient, work.decoded = self._stages.ingredient(data, decoded, target)
        self._stages.check_output(work.decoded.picture, target)
        work.chosen = self._stages.choose(data, work.decoded.picture, times)
        work.existing = self._stages.find_output(target, times)

    # the device

    def _upscale(self, work: Work) -> None:
        if work.fetched is None or work.existing is not None:
            return
        first = self._firsts.setdefault((work.fetched.sha256, work.target.format), work)
        if first is work or self._stages.signs:  # a signed output is of one source
            self._upscale_itself(work)
        else:
            work.twin = first

    def _upscale_itself(self, work: Work) -> None:
        if work.decoded is not None and work.chosen is not None:
            picture, upscaler = work.decoded.picture, work.chosen.upscaler
            work.upscaled = self._stages.upscale(picture, upscaler, work.times)
            work.made_by = work.upscaled.made_by

    # writers

    def _write(self, work: Work) -> MetricsRow:
        try:
            if work.twin is not None:
                self._step(work, "upscale", self._follow_twin)
            self._step(work, "encode and put", self._encode_and_put)
            self._step(work, "copy the sidecars", self._copy_sidecars)
            self._step(work, "measure", self._measure)
            return row_of(work, self._stages.device_model)
        finally:
            self._budget.release(work.held_px)
            work.release()
            work.done.set()

    def _follow_twin(self, work: Work) -> None:
        """Share the output of an identical source; upscale this one if that one failed."""
        twin = work.twin
        if twin is None:
            return
        # It entered the writers' queue before this one, so it is being worked on or done.
        twin.done.wait()
        if twin.failure is None:
            work.made_by = twin.made_by
        else:
            work.twin = None
            self._upscale_itself(work)

    def _encode_and_put(self, work: Work) -> None:
        if work.decoded is None:
            return
        source, target, times = work.decoded.picture, work.target, work.times
        attempt = work.assignment.attempt
        if work.existing is None:
            data = self._encoded(work)
            sr = None if work.upscaled is None else work.upscaled.picture
            origin = None if work.fetched is None else work.fetched.origin
            work.written = self._stages.put(data, sr, source, target, attempt, times, origin)
            del data, sr
        work.upscaled = None  # before other pixels take as much room
        if work.written is None:
            work.made_by = ()
            work.written = self._stages.adopt(work.existing, source, target, times)

    def _encoded(self, work: Work) -> Blob:
        if work.fetched is not None:
            work.mark = self._stages.mark(work.assignment.image, work.fetched, work.made_by)
        if work.upscaled is not None:
            return self._stages.encode(
                work.upscaled.picture, work.mark, work.ingredient, work.target, work.times
            )
        if work.twin is None:
            raise ImageError(ErrorClass.INTERNAL, "nothing was upscaled for this output")
        data = self._stages.read_output(work.twin.target.key)
        if work.mark is None or work.twin.mark is None:
            return data
        return renamed(data, work.target.format, work.twin.mark, work.mark)

    def _copy_sidecars(self, work: Work) -> None:
        planned = work.assignment.planned.sidecars
        if planned is not None:
            work.sidecars = self._stages.copy_sidecars(planned, work.assignment.attempt, work.times)

    def _measure(self, work: Work) -> None:
        if work.decoded is None or work.chosen is None or work.written is None:
            return
        image, source = work.assignment.image, work.decoded.picture
        work.measured = self._stages.measure(
            image, source, work.written, work.chosen.upscaler, work.times
        )
