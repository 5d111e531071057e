"""One shard of a run from fetch to commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sr_core.archive.ledger.history import read_part
from sr_core.archive.ledger.layout import part_name
from sr_core.archive.planning.plan_file import read_shard
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.archive.tables import metrics_rows
from sr_core.engine.budget import PixelBudget
from sr_core.engine.pipeline import Pipeline
from sr_core.engine.rows import refused_row
from sr_core.engine.stages import Stages
from sr_core.engine.work import Assignment, Work
from sr_core.errors import ErrorClass
from sr_core.records import MetricsRow, PlannedImage, ShardResult, Status


class ShardWorker:
    """Processes shards; several may run at once from different threads.

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
        """Create a worker.

        Args:
            root: store of the run.
            stages: process the images.
            io_threads: threads that read, and as many that write, for each shard.
            budget_megapixels: bound of the decoded pixels, in megapixels of 8-bit RGB.
            worker: name of this process in rows.
        """
        self._root, self._stages = root, stages
        self._io_threads, self._worker = io_threads, worker
        self._budget = PixelBudget(int(budget_megapixels * 1e6))

    def process(self, round_index: int, shard: int, attempt: str) -> ShardResult:
        """Process every image of a shard to its one row, and commit the rows.

        A shard that another attempt has committed meanwhile is only counted.

        Raises: SrfleetError if something concerns more than one image, such as a store that is
            unavailable; nothing is committed then.
        """
        part = part_name(round_index, shard)
        if self._root.head(part) is not None:
            existing = read_part(self._root, part, METRICS_SCHEMA.names)
            return _result(round_index, shard, metrics_rows(existing), committed=False)
        rows = self.rows(read_shard(self._root, round_index, shard), round_index, attempt)
        return self.commit(round_index, shard, rows)

    def rows(
        self, images: Sequence[PlannedImage], round_index: int, attempt: str
    ) -> list[MetricsRow]:
        """Process images and return their rows, in the same order, without committing."""
        assigned = [
            Assignment(
                image,
                round_index,
                attempt,
                f"{self._stages.source.uri}/{image.image.key}",
                self._worker,
            )
            for image in images
        ]
        works = {
            position: Work(each, each.target)
            for position, each in enumerate(assigned)
            if each.target is not None
        }
        made = Pipeline(list(works.values()), self._stages, self._budget).run(self._io_threads)
        rows = dict(zip(works, made, strict=True))
        return [
            rows[position] if position in rows else refused_row(each)
            for position, each in enumerate(assigned)
        ]

    def commit(self, round_index: int, shard: int, rows: Sequence[MetricsRow]) -> ShardResult:
        """Write the metrics part, which is the commit."""
        committed = self._stages.ledger.commit(round_index, shard, rows)
        return _result(round_index, shard, rows, committed=committed)


def _failures(rows: Sequence[MetricsRow]) -> dict[ErrorClass, int]:
    failed = (row for row in rows if row.status is Status.FAILED)
    return dict(Counter(row.error_class for row in failed if row.error_class))


def _result(
    round_index: int, shard: int, rows: Sequence[MetricsRow], *, committed: bool
) -> ShardResult:
    output_px = sum((row.width_out_px or 0) * (row.height_out_px or 0) for row in rows)
    return ShardResult(
        round_index,
        shard,
        rows[0].attempt,  # a shard has at least one image, and its rows one attempt
        committed,
        dict(Counter(row.status for row in rows)),
        _failures(rows),
        sum(row.adopted for row in rows),
        output_px / 1e6,
        sum(row.upscale_ms or 0.0 for row in rows),
        sum(row.device_wait_ms or 0.0 for row in rows),
    )
