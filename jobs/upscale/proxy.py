"""Typed calls to an UpscaleActor in its own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import ray

from jobs.cluster.connect import actor_options
from jobs.upscale.actors import SHARDS_PER_ACTOR, ActorReport, ActorSpec, UpscaleActor
from sr_core.engine.prepare import OpenRun, witness
from sr_core.records import MetricsRow, ShardResult


class ActorProxy:
    """One actor. Calls return at once; `ray.get` waits for their results."""

    def __init__(self, handle: Any) -> None:
        # Ray makes the methods of a handle at runtime: this is the only place that uses one.
        self._handle = handle

    @classmethod
    def create(cls, spec: ActorSpec) -> Self:
        """Create an actor on a machine with room for it; the driver replaces it if it dies."""
        remote = ray.remote(UpscaleActor).options(
            **actor_options(spec.execution, spec.device),
            max_concurrency=SHARDS_PER_ACTOR,
            max_restarts=0,
            max_task_retries=0,
        )
        return cls(remote.remote(spec))

    def start(self) -> ray.ObjectRef[ActorReport]:
        """Call `UpscaleActor.start`."""
        call: ray.ObjectRef[ActorReport] = self._handle.start.remote()
        return call

    def process(self, round_index: int, shard: int, attempt: str) -> ray.ObjectRef[ShardResult]:
        """Call `UpscaleActor.process`."""
        call: ray.ObjectRef[ShardResult] = self._handle.process.remote(round_index, shard, attempt)
        return call

    def rows(
        self, round_index: int, shard: int, indices: Sequence[int], attempt: str
    ) -> ray.ObjectRef[list[MetricsRow]]:
        """Call `UpscaleActor.rows`."""
        call: ray.ObjectRef[list[MetricsRow]] = self._handle.rows.remote(
            round_index, shard, indices, attempt
        )
        return call

    def commit(
        self, round_index: int, shard: int, rows: Sequence[MetricsRow]
    ) -> ray.ObjectRef[ShardResult]:
        """Call `UpscaleActor.commit`."""
        call: ray.ObjectRef[ShardResult] = self._handle.commit.remote(round_index, shard, rows)
        return call

    def kill(self) -> None:
        """End the actor's process at once."""
        ray.kill(self._handle)


def actor_factory(run: OpenRun, device: str) -> Callable[[], ActorProxy]:
    """Return a call that creates an actor for a run.

    The first call looks for a planned source, so the run must have its first plan by then.
    """
    spec: ActorSpec | None = None

    def make() -> ActorProxy:
        nonlocal spec
        if spec is None:
            spec = ActorSpec(
                source_uri=run.record.source_uri,
                root_uri=run.ledger.store.uri,
                run_id=run.record.run_id,
                config=run.job.run,
                execution=run.job.execution,
                device=device,
                checkpoints=run.checkpoints,
                witness=witness(run),
            )
        return ActorProxy.create(spec)

    return make
