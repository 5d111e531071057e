"""The actors of a fleet and the shards that each of them works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import ray

from jobs.cluster.connect import node_is_alive
from jobs.upscale.actors import SHARDS_PER_ACTOR, ActorReport
from jobs.upscale.proxy import ActorProxy
from sr_core.records import ShardResult

# A shard whose actor has died this often is run one image at a time.
DEATHS_BEFORE_PROBATION = 2


@dataclass(slots=True, eq=False)
class Task:
    """A shard to process, and the nodes on which its actors died."""

    round_index: int
    shard: int
    died_on: list[str] = field(default_factory=list)

    @property
    def deaths(self) -> int:
        """Number of actors that died of this shard: those whose machine is still alive.

        Computed anew each time, because Ray notices a lost machine some seconds after its actors.
        """
        return sum(map(node_is_alive, self.died_on))

    @property
    def on_probation(self) -> bool:
        """True if the shard has to run one image at a time."""
        return self.deaths >= DEATHS_BEFORE_PROBATION


@dataclass(slots=True, eq=False)
class Worker:
    """An actor and its open calls. `starting` is None once it has started."""

    actor: ActorProxy
    starting: ray.ObjectRef[ActorReport] | None
    node_id: str = ""
    host: str = ""
    tasks: dict[ray.ObjectRef[ShardResult], Task] = field(default_factory=dict)

    def started(self, report: ActorReport) -> None:
        """Note where the actor runs."""
        self.starting, self.node_id, self.host = None, report.node_id, report.host


def worker_for(task: Task, workers: Sequence[Worker]) -> Worker | None:
    """Return the idlest actor with room; a suspected shard shares its actor with no other."""
    limit = 1 if task.deaths else SHARDS_PER_ACTOR
    with_room = (
        worker
        for worker in workers
        if worker.starting is None
        and len(worker.tasks) < limit
        and not any(other.deaths for other in worker.tasks.values())
    )
    return min(with_room, key=lambda worker: len(worker.tasks), default=None)
