"""The fleet of actors: starts them, hands out shards, replaces the dead, isolates what kills."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayTaskError

from jobs.cluster.connect import node_is_alive
from jobs.upscale.actors import SHARDS_PER_ACTOR, ActorReport
from jobs.upscale.observer import (
    ActorLost,
    ActorNotStarted,
    ActorStarted,
    RunObserver,
    ShardIsolated,
    Waiting,
)
from jobs.upscale.probation import Probation
from sr_core.errors import (
    ConfigurationError,
    DamagedError,
    ImageError,
    RetryLaterError,
    SrfleetError,
)
from sr_core.records import PlannedImage, ShardResult

# A shard whose actor has died this often is run one image at a time.
DEATHS_BEFORE_PROBATION = 2
# An actor that cannot start this often in a row gives up its place.
START_TRIES = 3
# Shards that the storage refuses in a row, with growing pauses, before the run stops.
OUTAGE_TRIES = 4


@dataclass(slots=True, eq=False)
class _Task:
    round: int
    shard: int
    died_on: list[str] = field(default_factory=list)

    @property
    def deaths(self) -> int:
        """How many actors died of this shard: those whose machine has not died as well.

        Asked anew each time, for Ray notices a lost machine some seconds after its actors.
        """
        return sum(map(node_is_alive, self.died_on))


@dataclass(slots=True, eq=False)
class _Worker:
    handle: Any
    starting: ray.ObjectRef[Any] | None
    node_id: str | None = None
    host: str = ""
    tasks: dict[ray.ObjectRef[Any], _Task] = field(default_factory=dict)


class Fleet:
    """Keep `size` actors busy until every shard has come to its commit.

    Losing a machine costs its shards nothing but time. A shard whose actor died of something else
    is suspected: it is tried once more with an actor to itself, and after a second death one image
    at a time, so that the image that kills becomes a row and its neighbours are done.
    """

    def __init__(
        self,
        make_actor: Callable[[], Any],
        size: Callable[[], int],
        images_of: Callable[[int, int], Sequence[PlannedImage]],
        observer: RunObserver,
        *,
        node_wait_s: float,
        pause_s: float = 1.0,
    ) -> None:
        """Take how to create an actor, and how to read the images of (round, shard).

        Args:
            size: how many actors there shall be now; machines may come and go.
            node_wait_s: how long the fleet may be without any actor before it gives up.
            pause_s: first pause after a failure to start or to reach the storage; doubles.
        """
        self._make_actor, self._size, self._images_of = make_actor, size, images_of
        self._observe = observer.observe
        self._node_wait_s, self._pause_s = node_wait_s, pause_s
        self._queue: deque[_Task] = deque()
        self._workers: list[_Worker] = []
        self._probation: tuple[Probation, Future[ShardResult], _Task] | None = None
        self._start_failures = self._outages = self._places_given_up = self._lost = 0
        self._resume_at = 0.0
        self._alive_at = time.monotonic()

    def run(self, round_: int, shards: Sequence[int]) -> Iterator[ShardResult]:
        """Process shards in the given order and yield each as it is committed.

        However the iteration ends, all actors are gone afterwards.

        Raises: RetryLaterError where machines or storage stay away; SrfleetError for what no
            repetition will mend.
        """
        self._queue.extend(_Task(round_, shard) for shard in shards)
        with ThreadPoolExecutor(1, "probation") as threads:
            try:
                while self._queue or self._busy():
                    self._hand_out(threads)
                    self._start_missing()
                    yield from self._collect()
            finally:
                if self._probation is not None:
                    self._probation[0].stop()
                for worker in self._workers:
                    ray.kill(worker.handle)
                self._workers.clear()

    def _busy(self) -> bool:
        return self._probation is not None or any(worker.tasks for worker in self._workers)

    def _start_missing(self) -> None:
        if time.monotonic() < self._resume_at:
            return
        waiting = sum(task.deaths < DEATHS_BEFORE_PROBATION for task in self._queue)
        starting = sum(worker.starting is not None for worker in self._workers)
        for _ in range(min(self._room(), waiting - starting)):
            handle = self._make_actor()
            self._workers.append(_Worker(handle, handle.start.remote()))

    def _room(self) -> int:
        """Count the places for actors that are free; the probation's actor takes one too."""
        size = max(1, self._size() - self._places_given_up)
        return size - len(self._workers) - (self._probation is not None)

    def _hand_out(self, threads: ThreadPoolExecutor) -> None:
        if time.monotonic() < self._resume_at:
            return
        for task in list(self._queue):
            if task.deaths >= DEATHS_BEFORE_PROBATION:
                if self._probation is None and self._make_room():
                    self._queue.remove(task)
                    self._begin_probation(task, threads)
                continue
            worker = self._worker_for(task)
            if worker is None:
                if not task.died_on:
                    break
                continue
            self._queue.remove(task)
            call = worker.handle.process.remote(task.round, task.shard, uuid.uuid4().hex[:12])
            worker.tasks[call] = task

    def _worker_for(self, task: _Task) -> _Worker | None:
        """Find the idlest actor with room; a suspected shard shares its actor with no other."""
        ready = [worker for worker in self._workers if worker.starting is None]
        ready = [w for w in ready if not any(other.deaths for other in w.tasks.values())]
        room = 1 if task.deaths else SHARDS_PER_ACTOR
        ready = [worker for worker in ready if len(worker.tasks) < room]
        return min(ready, key=lambda worker: len(worker.tasks), default=None)

    def _make_room(self) -> bool:
        """See to a free place, if need be by sending an idle actor away."""
        if self._room() > 0:
            return True
        idle = next((worker for worker in self._workers if not worker.tasks), None)
        if idle is None:
            return False
        ray.kill(idle.handle)
        self._workers.remove(idle)
        return True

    def _begin_probation(self, task: _Task, threads: ThreadPoolExecutor) -> None:
        self._observe(ShardIsolated(task.round, task.shard, task.deaths))
        images = self._images_of(task.round, task.shard)
        probation = Probation(self._make_actor, start_timeout_s=self._node_wait_s)
        future = threads.submit(probation.run, images, task.round, task.shard)
        self._probation = probation, future, task

    def _collect(self) -> Iterator[ShardResult]:
        if self._probation is not None and self._probation[1].done():
            _, future, task = self._probation
            self._probation = None
            try:
                yield future.result()
            except RetryLaterError as error:
                self._outage(task, error)
        owners = {call: worker for worker in self._workers for call in worker.tasks}
        owners |= {w.starting: w for w in self._workers if w.starting is not None}
        if not owners:
            time.sleep(0.1)
        else:
            finished, _ = ray.wait(list(owners), num_returns=1, timeout=0.5)
            for call in finished:
                yield from self._finish(owners[call], call)
        self._check_alive()

    def _finish(self, worker: _Worker, call: ray.ObjectRef[Any]) -> Iterator[ShardResult]:
        try:
            value = ray.get(call)
        except RayActorError as error:
            self._bury(worker, error)
        except RayTaskError as error:
            self._fail(worker, call, error)
        else:
            self._alive_at = time.monotonic()
            if isinstance(value, ActorReport):
                self._started(worker, value)
            else:
                del worker.tasks[call]
                self._outages = 0
                yield value

    def _started(self, worker: _Worker, report: ActorReport) -> None:
        worker.starting, worker.node_id, worker.host = None, report.node_id, report.host
        self._start_failures = 0
        replacement = self._lost > 0
        self._lost -= replacement
        self._observe(
            ActorStarted(report.host, report.pid, report.device, report.start_s, replacement)
        )

    def _bury(self, worker: _Worker, error: RayActorError) -> None:
        """Take a dead actor out and its shards back."""
        self._workers.remove(worker)
        if worker.starting is not None:
            self._start_failed(error)
            return
        reason = str(error).strip().splitlines()[-1].strip()
        self._lost += 1
        self._observe(ActorLost(worker.host, len(worker.tasks), reason))
        unavailable = isinstance(error, ActorUnavailableError)
        if unavailable:  # a fault of the network: it may still run, but proves nothing
            ray.kill(worker.handle)
        for task in reversed(worker.tasks.values()):
            if not unavailable:
                task.died_on.append(worker.node_id or "")
            self._queue.appendleft(task)

    def _fail(self, worker: _Worker, call: ray.ObjectRef[Any], error: RayTaskError) -> None:
        """Deal with an actor that lives and says no."""
        cause = error.cause if isinstance(error.cause, Exception) else error
        if call == worker.starting:
            self._workers.remove(worker)
            ray.kill(worker.handle)
            self._start_failed(cause)
        else:
            self._outage(worker.tasks.pop(call), cause)

    def _outage(self, task: _Task, cause: Exception) -> None:
        """Take back a shard that was refused; give up where that goes on, or is for good."""
        if isinstance(cause, ConfigurationError | DamagedError):
            raise cause
        self._queue.appendleft(task)
        self._outages += 1
        self._pause(self._outages, f"a shard could not be finished: {cause}")
        if self._outages < OUTAGE_TRIES * max(1, len(self._workers)):
            return
        if isinstance(cause, RetryLaterError | ImageError):
            raise RetryLaterError(f"{cause}") from cause
        raise SrfleetError(f"shard {task.shard} cannot be finished: {cause}") from cause

    def _start_failed(self, cause: Exception) -> None:
        self._start_failures += 1
        give_up = self._start_failures >= START_TRIES and any(
            worker.starting is None for worker in self._workers
        )
        self._observe(ActorNotStarted(f"{cause}", give_up))
        self._pause(self._start_failures, "an actor could not start")
        if self._start_failures < START_TRIES:
            return
        if give_up:
            self._places_given_up += 1
            self._start_failures = 0
        elif self._workers:
            return  # others are still starting; theirs is the last word
        elif isinstance(cause, ConfigurationError):
            raise cause
        else:
            raise RetryLaterError(f"no actor can start: {cause}") from cause

    def _pause(self, times: int, reason: str) -> None:
        pause_s = min(60.0, self._pause_s * 2 ** (times - 1))
        self._resume_at = time.monotonic() + pause_s
        self._observe(Waiting(reason, pause_s))

    def _check_alive(self) -> None:
        """Give up when there has been no machine for too long."""
        if self._probation is not None or any(w.starting is None for w in self._workers):
            self._alive_at = time.monotonic()
        elif time.monotonic() - self._alive_at > self._node_wait_s:
            raise RetryLaterError(
                f"no machine could run an actor for {self._node_wait_s:g} s; what is committed "
                "stands, run the same command again when there are machines"
            )
