"""The fleet of actors: start and replace them, hand out shards, isolate images that crash them."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayTaskError

from jobs.upscale.actors import ActorReport
from jobs.upscale.isolation import Isolation
from jobs.upscale.observer import ActorLost, ActorStarted, RunObserver, ShardIsolated
from jobs.upscale.proxy import ActorProxy
from jobs.upscale.setbacks import Setbacks
from jobs.upscale.workers import Task, Worker, worker_for
from sr_core.errors import RetryLaterError
from sr_core.records import PlannedImage, ShardResult

_WAIT_S = 0.5


class Fleet:
    """Keeps `size` actors busy until every shard is committed; a context manager.

    The actors live until the end of the context, so several rounds load the model once. Losing a
    machine only delays its shards. A shard whose actor died for another reason is suspected: it is
    tried once more with an actor to itself and, after a second death, one image at a time, so that
    the image that crashes its actor becomes a failed row and the others are processed.
    """

    def __init__(
        self,
        make_actor: Callable[[], ActorProxy],
        size: Callable[[], int],
        images_of: Callable[[int, int], Sequence[PlannedImage]],
        observer: RunObserver,
        *,
        node_wait_s: float,
        pause_s: float = 1.0,
    ) -> None:
        """Create a fleet without actors; `run` starts them.

        Args:
            make_actor: creates an actor.
            size: number of actors wanted now; machines may come and go.
            images_of: reads the images of (round index, shard).
            observer: receives events about actors.
            node_wait_s: time without any actor after which the fleet gives up.
            pause_s: first pause after a failure to start or to reach the storage; doubles.
        """
        self._make_actor, self._size, self._images_of = make_actor, size, images_of
        self._observe = observer.observe
        self._setbacks = Setbacks(observer, first_pause_s=pause_s)
        self._node_wait_s = node_wait_s
        self._queue: deque[Task] = deque()
        self._workers: list[Worker] = []
        self._isolation = Isolation(make_actor, start_timeout_s=node_wait_s)
        self._to_replace = 0
        self._alive_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.actor.kill()
        self._workers.clear()
        self._isolation.close()

    def run(self, round_index: int, shards: Sequence[int]) -> Iterator[ShardResult]:
        """Process shards in the given order and yield each as it is committed.

        Raises: RetryLaterError if machines or storage stay unavailable; SrfleetError for errors
            that no retry can fix.
        """
        self._alive_at = time.monotonic()
        self._queue.extend(Task(round_index, shard) for shard in shards)
        while self._queue or self._busy():
            self._hand_out()
            self._start_missing()
            yield from self._collect()

    def _busy(self) -> bool:
        return self._isolation.busy or any(worker.tasks for worker in self._workers)

    def _ready(self) -> int:
        return sum(worker.starting is None for worker in self._workers)

    def _start_missing(self) -> None:
        if self._setbacks.pausing:
            return
        waiting = sum(not task.on_probation for task in self._queue)
        starting = len(self._workers) - self._ready()
        for _ in range(min(self._room(), waiting - starting)):
            actor = self._make_actor()
            self._workers.append(Worker(actor, actor.start()))

    def _room(self) -> int:
        """Count the free places for actors; the probation's actor takes one too."""
        size = max(1, self._size() - self._setbacks.places_given_up)
        return size - len(self._workers) - self._isolation.busy

    def _hand_out(self) -> None:
        if self._setbacks.pausing:
            return
        for task in list(self._queue):
            if task.on_probation:
                if not self._isolation.busy and self._make_room():
                    self._queue.remove(task)
                    self._observe(ShardIsolated(task.round_index, task.shard, task.deaths))
                    images = self._images_of(task.round_index, task.shard)
                    self._isolation.begin(task, images)
                continue
            worker = worker_for(task, self._workers)
            if worker is None:
                if not task.died_on:
                    break
                continue
            self._queue.remove(task)
            attempt = uuid.uuid4().hex[:12]
            worker.tasks[worker.actor.process(task.round_index, task.shard, attempt)] = task

    def _make_room(self) -> bool:
        """Free a place, if need be by ending an idle actor; False if all are busy."""
        if self._room() > 0:
            return True
        idle = next((worker for worker in self._workers if not worker.tasks), None)
        if idle is None:
            return False
        idle.actor.kill()
        self._workers.remove(idle)
        return True

    def _collect(self) -> Iterator[ShardResult]:
        """Wait a moment for calls to end, and yield the shards among them."""
        if (isolated := self._isolation.take_finished()) is not None:
            task, future = isolated
            try:
                yield future.result()
            except RetryLaterError as error:
                self._refused(task, error)
        starts = {w.starting: w for w in self._workers if w.starting is not None}
        shards = {call: worker for worker in self._workers for call in worker.tasks}
        if not starts and not shards:
            time.sleep(_WAIT_S / 5)
        else:
            finished, _ = ray.wait([*starts, *shards], num_returns=1, timeout=_WAIT_S)
            for call in finished:
                if call in starts:
                    self._finish_start(starts[call], call)
                else:
                    yield from self._finish_shard(shards[call], call)
        self._check_alive()

    def _finish_start(self, worker: Worker, call: ray.ObjectRef[ActorReport]) -> None:
        try:
            report = ray.get(call)
        except (RayActorError, RayTaskError) as error:
            self._workers.remove(worker)
            if isinstance(error, RayTaskError):
                worker.actor.kill()
            ready = self._ready()
            starting = len(self._workers) - ready
            self._setbacks.start_failed(_cause(error), ready=ready, starting=starting)
            return
        worker.started(report)
        self._setbacks.actor_started()
        self._alive_at = time.monotonic()
        replacement = self._to_replace > 0
        self._to_replace -= replacement
        self._observe(
            ActorStarted(report.host, report.pid, report.device, report.start_s, replacement)
        )

    def _finish_shard(
        self, worker: Worker, call: ray.ObjectRef[ShardResult]
    ) -> Iterator[ShardResult]:
        try:
            result = ray.get(call)
        except RayActorError as error:
            self._bury(worker, error)
        except RayTaskError as error:
            self._refused(worker.tasks.pop(call), _cause(error))
        else:
            self._alive_at = time.monotonic()
            del worker.tasks[call]
            self._setbacks.shard_finished()
            yield result

    def _bury(self, worker: Worker, error: RayActorError) -> None:
        """Remove a dead actor and take its shards back."""
        self._workers.remove(worker)
        self._to_replace += 1
        reason = str(error).strip().splitlines()[-1].strip()
        self._observe(ActorLost(worker.host, len(worker.tasks), reason))
        unavailable = isinstance(error, ActorUnavailableError)
        if unavailable:  # a fault of the network: it may still run, but proves nothing
            worker.actor.kill()
        for task in reversed(worker.tasks.values()):
            if not unavailable:
                task.died_on.append(worker.node_id)
            self._queue.appendleft(task)

    def _refused(self, task: Task, cause: Exception) -> None:
        """Take back a shard whose actor lives but could not finish it."""
        self._queue.appendleft(task)
        self._setbacks.shard_refused(task.shard, cause, actors=len(self._workers))

    def _check_alive(self) -> None:
        """Give up if there has been no actor for too long."""
        if self._isolation.busy or self._ready():
            self._alive_at = time.monotonic()
        elif time.monotonic() - self._alive_at > self._node_wait_s:
            raise RetryLaterError(
                f"no machine could run an actor for {self._node_wait_s:g} s; committed shards are "
                "kept, run the same command again when machines are available"
            )


def _cause(error: RayActorError | RayTaskError) -> Exception:
    """Return what was raised in the actor, or Ray's own error."""
    cause = error.cause if isinstance(error, RayTaskError) else None
    return cause if isinstance(cause, Exception) else error
