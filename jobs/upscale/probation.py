"""A shard that keeps killing its actor, run one image at a time to find the culprit."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError

from jobs.cluster.connect import node_is_alive
from jobs.upscale.actors import ActorReport
from sr_core.errors import ErrorClass, RetryLaterError, SrfleetError
from sr_core.records import MetricsRow, PlannedImage, ShardResult, Status

# A lost machine is no image's fault, but it may not go on for ever either.
_MACHINES_LOST = 5


class Probation:
    """Process and commit one shard with one image at a time, in an actor that may die of each.

    An image whose actor dies becomes a worker_crash row, unless the machine turns out to be lost.
    """

    def __init__(self, make_actor: Callable[[], Any], *, start_timeout_s: float) -> None:
        self._make_actor, self._start_timeout_s = make_actor, start_timeout_s
        self._handle: Any = None
        self._node_id = ""
        self._lost = 0
        self._stopped = threading.Event()

    def run(self, images: Sequence[PlannedImage], round_: int, shard: int) -> ShardResult:
        """Bring a shard to its commit.

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
                    found = self._call("rows", round_, shard, [index], attempt)
                    if found is None:
                        died_on[index] = self._node_id
                        rows[index] = _crash_row(images[index], round_, shard, attempt)
                    else:
                        rows[index] = found[0]
                # Ray notices a lost machine some seconds after its actors: ask once more.
                pending = [i for i, node in died_on.items() if not node_is_alive(node)]
                for index in pending:
                    del died_on[index]
                    self._count_lost()
            ordered = [rows[index] for index in range(len(images))]
            result: ShardResult | None = self._call("commit", round_, shard, ordered)
            if result is None:
                raise RetryLaterError(f"the actor of shard {shard} died at its commit")
            return result
        finally:
            self._kill()

    def stop(self) -> None:
        """End it now, from another thread; `run` raises soon after."""
        self._stopped.set()
        self._kill()

    def _call(self, method: str, *arguments: object) -> Any:
        """Call a method of the actor; None if its process died of it."""
        while True:
            if self._stopped.is_set():
                raise RetryLaterError("stopped")
            started = False
            try:
                if self._handle is None:
                    self._start()
                started = True
                return ray.get(getattr(self._handle, method).remote(*arguments))
            except RayTaskError as error:
                if isinstance(error.cause, SrfleetError):
                    raise error.cause from error
                raise RetryLaterError(f"{error.cause or error}") from error
            except ActorUnavailableError:  # a fault of the network, which proves nothing
                self._kill()
                self._count_lost()
            except RayActorError:
                self._handle = None
                if started and not self._stopped.is_set():
                    return None
                self._count_lost()

    def _start(self) -> None:
        self._handle = self._make_actor()
        try:
            report: ActorReport = ray.get(
                self._handle.start.remote(), timeout=self._start_timeout_s
            )
        except GetTimeoutError as error:
            raise RetryLaterError("no machine for the actor of a suspected shard") from error
        self._node_id = report.node_id

    def _count_lost(self) -> None:
        self._lost += 1
        if self._lost > _MACHINES_LOST:
            raise RetryLaterError("machines keep getting lost under a suspected shard")

    def _kill(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            ray.kill(handle)


def _crash_row(image: PlannedImage, round_: int, shard: int, attempt: str) -> MetricsRow:
    return MetricsRow(
        image_id=image.image.image_id,
        key=image.image.key,
        round=round_,
        shard=shard,
        attempt=attempt,
        status=Status.FAILED,
        error_class=ErrorClass.WORKER_CRASH,
        error_message="the process died while it worked on this image alone, and twice before "
        "with its shard",
        finished_at=datetime.now(UTC),
    )
