"""One shard of a run from fetch to commit."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from sr_core.archive.ledger.history import read_part
from sr_core.archive.ledger.layout import part_name
from sr_core.archive.planning.plan import read_shard
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.archive.tables import metrics_rows
from sr_core.engine.stages import Stages
from sr_core.engine.work import Work, guarded
from sr_core.errors import ErrorClass, ImageError, SrfleetError
from sr_core.records import MetricsRow, PlannedImage, ShardResult, Status

_log = logging.getLogger(__name__)


class PixelBudget:
    """Bound what is decoded at one time, in pixels of 8-bit RGB, over all shards of a process.

    Whole pixels, as sums of fractions do not come back to zero; first come, first served, as small
    images could keep a large one waiting for ever.
    """

    def __init__(self, pixels: int) -> None:
        self._limit, self._used = pixels, 0
        self._queue: deque[object] = deque()
        self._freed = threading.Condition()

    def acquire(self, pixels: int | None) -> int:
        """Wait for room, and return how much is held.

        An image of unknown size (None), or larger than the whole budget, waits until it is alone.
        """
        wanted = self._limit if pixels is None else pixels
        ticket = object()
        with self._freed:
            self._queue.append(ticket)
            self._freed.wait_for(lambda: self._queue[0] is ticket and self._has_room(wanted))
            self._queue.popleft()
            self._used += wanted
            self._freed.notify_all()
        return wanted

    def release(self, pixels: int) -> None:
        """Give room back."""
        with self._freed:
            self._used -= pixels
            self._freed.notify_all()

    def _has_room(self, pixels: int) -> bool:
        return self._used == 0 or self._used + pixels <= self._limit


class ShardWorker:
    """Process shards; several may run at once from different threads.

    They share the device and the pixel budget, so that while one shard writes its last images the
    next one already reads, and the device does not wait at the boundary.
    """

    def __init__(
        self,
        root: Store,
        stages: Stages,
        *,
        io_threads: int,
        budget_megapixels: float,
        worker: str,
    ) -> None:
        self._root, self._stages = root, stages
        self._io_threads, self._worker = io_threads, worker
        self._budget = PixelBudget(int(budget_megapixels * 1e6))

    def process(self, round_: int, shard: int, attempt: str) -> ShardResult:
        """Bring every image of a shard to its one row and commit them.

        A shard that another attempt has committed meanwhile is only counted.

        Raises: SrfleetError for what concerns more than one image, such as a store that is
            unavailable; nothing is committed then.
        """
        part = part_name(round_, shard)
        if self._root.head(part) is not None:
            standing = read_part(self._root, part, METRICS_SCHEMA.names)
            return _result(round_, shard, metrics_rows(standing), committed=False)
        rows = self.rows(read_shard(self._root, round_, shard), round_, attempt)
        return self.commit(round_, shard, rows)

    def rows(self, images: Sequence[PlannedImage], round_: int, attempt: str) -> list[MetricsRow]:
        """Process images and return their rows, in the same order, without committing."""
        works = [self._work(image, round_, attempt) for image in images]
        _ShardRun(works, self._stages, self._budget).run(self._io_threads)
        return [work.row() for work in works]

    def commit(self, round_: int, shard: int, rows: Sequence[MetricsRow]) -> ShardResult:
        """Write the metrics part, which is the commit."""
        committed = self._stages.ledger.commit(round_, shard, rows)
        return _result(round_, shard, rows, committed=committed)

    def _work(self, image: PlannedImage, round_: int, attempt: str) -> Work:
        row = image.image
        facts = {
            "image_id": row.image_id,
            "key": row.key,
            "round": round_,
            "shard": image.shard,
            "attempt": attempt,
            "status": row.status,
            "error_class": row.error_class,
            "error_message": row.error_message,
            "warnings": (),
            "source_uri": f"{self._stages.source.uri}/{row.key}",
            "worker": self._worker,
        }
        return Work(image, facts)


def _result(round_: int, shard: int, rows: Sequence[MetricsRow], *, committed: bool) -> ShardResult:
    output_px = sum((row.width_out_px or 0) * (row.height_out_px or 0) for row in rows)
    return ShardResult(
        round_,
        shard,
        committed,
        dict(Counter(row.status for row in rows)),
        dict(Counter(row.error_class for row in rows if row.error_class)),
        sum(row.adopted for row in rows),
        output_px / 1e6,
        sum(row.upscale_ms or 0.0 for row in rows),
        sum(row.device_wait_ms or 0.0 for row in rows),
    )


class _ShardRun:
    """One pass of some images through the stages: readers, the device, writers."""

    def __init__(self, works: Sequence[Work], stages: Stages, budget: PixelBudget) -> None:
        self._works, self._stages, self._budget = works, stages, budget
        self._ready: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._broken: BaseException | None = None
        self._firsts: dict[tuple[object, ...], Work] = {}

    def run(self, threads: int) -> None:
        readers = ThreadPoolExecutor(threads, "read")
        writers = ThreadPoolExecutor(threads, "write")
        writing: list[Future[None]] = []
        with readers, writers:
            for work in self._works:
                readers.submit(self._contain, work, self._read)
            # In the order in which they are ready: waiting for a certain image could wait for
            # room that only later ones can free.
            for _ in self._works:
                work = self._ready.get()
                self._contain(work, self._upscale)
                writing.append(writers.submit(self._contain, work, self._write))
        if self._broken is not None:
            raise self._broken

    def _contain(self, work: Work, step: Callable[[Work], None]) -> None:
        """Let an image's own failure become its row, and anything larger end the shard."""
        try:
            if self._broken is None:
                step(work)
        except ImageError as error:
            work.fail(error.error_class, error.message)
        except SrfleetError as error:
            self._broken = error  # of the store or the configuration, so of every image
        except Exception as error:  # noqa: BLE001 - an unforeseen image must not stop its neighbours
            _log.exception("%s of %s", step.__name__.strip("_"), work.image.image.key)
            work.fail(ErrorClass.INTERNAL, f"{type(error).__name__}: {error}")
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self._broken = error
        finally:
            if step == self._read:
                self._ready.put(work)
            elif step == self._write:
                self._budget.release(work.held_px)
                work.source = work.sr = work.standing = None
                work.done.set()

    def _read(self, work: Work) -> None:
        if work.failed or work.image.output_key is None:
            return
        work.held_px = self._budget.acquire(work.weight_px)
        guarded(work, self._stages.fetch_and_decode)

    def _upscale(self, work: Work) -> None:
        if work.source is None or work.failed or work.standing is not None:
            return
        identity = (work.facts["source_sha256"], work.image.output_format)
        first = self._firsts.setdefault(identity, work)
        if first is not work:
            work.twin = first
            return
        guarded(work, self._stages.upscale)

    def _write(self, work: Work) -> None:
        if work.source is None or work.failed:
            return
        if work.twin is not None:
            # It entered the writers' queue before this one, so it is being worked on or done.
            work.twin.done.wait()
            if work.twin.facts["status"] is Status.OK:
                work.facts |= {
                    "same_pixels_as": work.twin.image.image.image_id,
                    **{name: work.twin.facts[name] for name in ("engine", "precision", "device")},
                }
            else:
                guarded(work, self._stages.upscale)
        guarded(work, self._stages.encode_and_put)
        if not work.failed:
            self._stages.measure(work)
