"""A shard that keeps killing its actor, run one image at a time to find the culprit."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError

from jobs.cluster.connect import node_is_alive
from jobs.upscale.proxy import ActorProxy
from sr_core.errors import ErrorClass, RetryLaterError, SrfleetError
from sr_core.records import MetricsRow, PlannedImage, ShardResult, Status

T = TypeVar("T")

# A lost machine is no image's fault, but the shard must end one day.
_MACHINES_LOST = 5


class Probation:
    """Processes and commits one shard, one image at a time, in an actor that may die of each.

    An image whose actor dies becomes a worker_crash row, unless its machine was lost as well.
    """

    def __init__(self, make_actor: Callable[[], ActorProxy], *, start_timeout_s: float) -> None:
        """Create the actor only in `run`; it may take `start_timeout_s` to start."""
        self._make_actor, self._start_timeout_s = make_actor, start_timeout_s
        self._actor: ActorProxy | None = None
        self._node_id = ""
        self._lost = 0
        self._stopped = threading.Event()

    def run(self, images: Sequence[PlannedImage], round_index: int, shard: int) -> ShardResult:
        """Process every image of a shard and commit it.

        Raises: RetryLaterError if actors cannot start, machines keep getting lost, or `stop` was
            called; SrfleetError as actors raise it.
        """
        attempt = uuid.uuid4().hex[:12]
        rows: dict[int, MetricsRow] = {}
        died_on: dict[int, str] = {}
        pending = list(range(len(images)))
        try:
            while pending:
                for index in pending:
                    found = self._row(round_index, shard, index, attempt)
                    if found is None:
                        died_on[index] = self._node_id
                        found = _crash_row(images[index], round_index, shard, attempt)
                    rows[index] = found
                # Ray notices a lost machine some seconds after its actors: ask once more.
                pending = [i for i, node in died_on.items() if not node_is_alive(node)]
                for index in pending:
                    del died_on[index]
                    self._count_lost()
            ordered = [rows[index] for index in range(len(images))]
            result = self._call(lambda actor: actor.commit(round_index, shard, ordered))
            if result is None:
                raise RetryLaterError(f"the actor of shard {shard} died during its commit")
            return result
        finally:
            self._kill()

    def stop(self) -> None:
        """End the probation from another thread; `run` raises soon after."""
        self._stopped.set()
        self._kill()

    def _row(self, round_index: int, shard: int, index: int, attempt: str) -> MetricsRow | None:
        """Process one image; None if the actor died of it."""
        rows = self._call(lambda actor: actor.rows(round_index, shard, [index], attempt))
        return None if rows is None else rows[0]

    def _call(self, call: Callable[[ActorProxy], ray.ObjectRef[T]]) -> T | None:
        """Call the actor and wait for its answer; None if its process died of the call."""
        while True:
            if self._stopped.is_set():
                raise RetryLaterError("stopped")
            started = False
            try:
                actor = self._actor or self._start()
                started = True
                return ray.get(call(actor))
            except RayTaskError as error:
                if isinstance(error.cause, SrfleetError):
                    raise error.cause from error
                raise RetryLaterError(f"{error.cause or error}") from error
            except ActorUnavailableError:  # a fault of the network, which proves nothing
                self._kill()
                self._count_lost()
            except RayActorError:
                self._actor = None
                if started and not self._stopped.is_set():
                    return None
                self._count_lost()

    def _start(self) -> ActorProxy:
        actor = self._actor = self._make_actor()
        try:
            report = ray.get(actor.start(), timeout=self._start_timeout_s)
        except GetTimeoutError as error:
            raise RetryLaterError("no machine for the actor of a suspected shard") from error
        self._node_id = report.node_id
        return actor

    def _count_lost(self) -> None:
        self._lost += 1
        if self._lost > _MACHINES_LOST:
            raise RetryLaterError("machines keep getting lost under a suspected shard")

    def _kill(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            actor.kill()


def _crash_row(image: PlannedImage, round_index: int, shard: int, attempt: str) -> MetricsRow:
    return MetricsRow(
        image_id=image.image.image_id,
        key=image.image.key,
        round=round_index,
        shard=shard,
        attempt=attempt,
        status=Status.FAILED,
        error_class=ErrorClass.WORKER_CRASH,
        error_message="the process died while it worked on this image alone, and twice before "
        "with its shard",
        finished_at=datetime.now(UTC),
    )
