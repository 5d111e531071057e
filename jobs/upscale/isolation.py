"""Isolation of a suspected shard: its probation runs in a thread beside the fleet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from jobs.upscale.probation import Probation
from jobs.upscale.proxy import ActorProxy
from jobs.upscale.workers import Task
from sr_core.records import PlannedImage, ShardResult


class Isolation:
    """Runs one suspected shard at a time."""

    def __init__(self, make_actor: Callable[[], ActorProxy], *, start_timeout_s: float) -> None:
        """Begin without a shard; an actor may take `start_timeout_s` to start."""
        self._make_actor, self._start_timeout_s = make_actor, start_timeout_s
        self._threads = ThreadPoolExecutor(1, "probation")
        self._running: tuple[Probation, Future[ShardResult], Task] | None = None

    @property
    def busy(self) -> bool:
        """True until `take_finished` has returned the shard."""
        return self._running is not None

    def begin(self, task: Task, images: Sequence[PlannedImage]) -> None:
        """Put a shard on probation; there must be none yet."""
        probation = Probation(self._make_actor, start_timeout_s=self._start_timeout_s)
        future = self._threads.submit(probation.run, images, task.round_index, task.shard)
        self._running = probation, future, task

    def take_finished(self) -> tuple[Task, Future[ShardResult]] | None:
        """Return the shard and its result or error once it has ended."""
        if self._running is None or not self._running[1].done():
            return None
        _, future, task = self._running
        self._running = None
        return task, future

    def close(self) -> None:
        """Stop the probation, if any, and wait until its thread has ended."""
        if self._running is not None:
            self._running[0].stop()
        self._threads.shutdown()
