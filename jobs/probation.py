"""A shard that keeps killing its actor, run one image at a time to find the culprit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from jobs.actors import ActorReport
from jobs.cluster import node_is_alive
from sr_core.errors import ErrorClass, RetryLaterError
from sr_core.records import MetricsRow, PlannedImage, ShardResult, Status

# A lost machine is no image's fault, but it may not go on for ever either.
_MACHINES_LOST = 5


def run_alone(
    make_actor: Callable[[], Any], images: Sequence[PlannedImage], round_: int, shard: int
) -> ShardResult:
    """Process and commit a shard; an image whose actor dies becomes a worker_crash row.

    Raises: RetryLaterError if actors cannot start or machines keep getting lost.
    """
    attempt = uuid.uuid4().hex[:12]
    rows: list[MetricsRow] = []
    actor = _Lonely(make_actor)
    try:
        for index, image in enumerate(images):
            call = actor.call("rows", round_, shard, [index], attempt)
            if call is None:
                rows.append(_crash_row(image, round_, shard, attempt))
            else:
                rows += call
        committed = actor.call("commit", round_, shard, rows)
        if committed is None:
            raise RetryLaterError(f"the actor of shard {shard} died at its commit")
        result: ShardResult = committed
        return result
    finally:
        actor.kill()


class _Lonely:
    """One actor at a time, replaced when it dies."""

    def __init__(self, make_actor: Callable[[], Any]) -> None:
        self._make_actor = make_actor
        self._handle: Any = None
        self._node_id = ""
        self._machines_lost = 0

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method of the actor; None if its process died of it."""
        while True:
            try:
                if self._handle is None:
                    self._start()
                return ray.get(getattr(self._handle, method).remote(*arguments))
            except RayTaskError as error:
                raise RetryLaterError(f"{error.cause or error}") from error
            except RayActorError as error:
                started, self._handle = self._node_id, None
                if started and node_is_alive(started):
                    return None
                self._machines_lost += 1
                if self._machines_lost >= _MACHINES_LOST:
                    raise RetryLaterError(f"machines keep getting lost: {error}") from error

    def _start(self) -> None:
        self._node_id = ""
        self._handle = self._make_actor()
        report: ActorReport = ray.get(self._handle.start.remote())
        self._node_id = report.node_id

    def kill(self) -> None:
        """Release the actor's device."""
        if self._handle is not None:
            ray.kill(self._handle)


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
