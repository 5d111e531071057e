"""The Ray actor that holds a loaded upscaler on its device and processes shards."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass

import ray

from jobs.upscale.cores import keep_to_cores, limit_threads
from jobs.upscale.memory import keep_large_on_disk, share_out
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.planning.plan import read_shard
from sr_core.archive.storage import Store, open_store
from sr_core.config import ExecutionConfig, RunConfig
from sr_core.errors import ConfigurationError
from sr_core.models.catalogue import checkpoint_sha256
from sr_core.records import MetricsRow, ShardResult

# Shards that run in an actor at one time: the next one reads while the last one writes.
SHARDS_PER_ACTOR = 2


@dataclass(frozen=True, slots=True)
class ActorReport:
    """What an actor found when it started."""

    node_id: str
    host: str
    pid: int
    device: str
    start_s: float


class UpscaleActor:
    """Work on the shards of one run. Retry-safe: a call that is cut off leaves nothing half done.

    Construction does nothing that can fail; `start` loads, so that its errors reach the driver.
    """

    def __init__(
        self,
        source_uri: str,
        root_uri: str,
        run_id: str,
        config: RunConfig,
        execution: ExecutionConfig,
        device: str,
        checkpoint_hash: str | None,
        witness: str | None,
    ) -> None:
        """Take what decides the run, and the key of a source that the driver sees."""
        self._witness = witness
        self._checkpoint_hash = checkpoint_hash
        self._source_uri, self._root_uri, self._run_id = source_uri, root_uri, run_id
        self._config, self._execution, self._device = config, execution, device

    def start(self) -> ActorReport:
        """Open the stores, load the upscaler, and prove that both are the right ones.

        Raises: ConfigurationError where this machine sees another root, another checkpoint, or gets
            a wrong known answer.
        """
        # Here and not at the top: the driver imports this module and should not load torch.
        from sr_core.engine.shard import ShardWorker
        from sr_core.engine.stages import Stages
        from sr_core.inference.upscaler import open_upscaler

        start = time.monotonic()
        take_cores(self._execution, self._device)
        root = open_store(self._root_uri)
        check_root(root, self._run_id)
        source = open_store(self._source_uri)
        check_source(source, self._witness)
        check_checkpoint(self._config.model, self._checkpoint_hash)
        shares = share_out(self._execution)
        keep_large_on_disk(shares)
        upscaler = open_upscaler(
            self._config.model,
            device=self._device,
            precision=self._config.precision,
            engine=self._execution.engine,
            memory_budget_bytes=shares.tiles,
        )
        stages = Stages(
            source,
            root,
            self._run_id,
            self._config,
            upscaler,
            deadline_s=self._execution.image_deadline_s,
        )
        self._root = root
        self._worker = ShardWorker(
            root,
            stages,
            io_threads=self._execution.io_threads,
            budget_megapixels=shares.megapixels,
            worker=f"{platform.node()}:{os.getpid()}",
        )
        return ActorReport(
            ray.get_runtime_context().get_node_id(),
            platform.node(),
            os.getpid(),
            self._device,
            time.monotonic() - start,
        )

    def process(self, round_: int, shard: int, attempt: str) -> ShardResult:
        """Bring one shard to its commit."""
        return self._worker.process(round_, shard, attempt)

    def rows(
        self, round_: int, shard: int, indices: Sequence[int], attempt: str
    ) -> list[MetricsRow]:
        """Process some images of a shard without committing; for a shard under suspicion."""
        images = read_shard(self._root, round_, shard)
        return self._worker.rows([images[index] for index in indices], round_, attempt)

    def commit(self, round_: int, shard: int, rows: Sequence[MetricsRow]) -> ShardResult:
        """Commit a shard whose rows the driver has collected."""
        return self._worker.commit(round_, shard, rows)


def check_root(root: Store, run_id: str) -> None:
    """Refuse to work where this machine does not see the run that the driver started.

    Raises: ConfigurationError.
    """
    standing = Ledger(root).run()
    if standing is None or standing.run_id != run_id:
        raise ConfigurationError(
            f"{platform.node()} does not see run {run_id} in {root.uri}; the output must be in S3 "
            "or in a folder that all machines share"
        )


def check_source(source: Store, witness: str | None) -> None:
    """Refuse to work where this machine does not see the sources that the driver sees.

    Raises: ConfigurationError.
    """
    if witness is not None and source.head(witness) is None:
        raise ConfigurationError(
            f"{platform.node()} does not see {witness} in {source.uri}; the source must be in S3 "
            "or in a folder that all machines share"
        )


def check_checkpoint(model: str, expected: str | None) -> None:
    """Refuse weights that are not those of the run.

    Raises: ConfigurationError.
    """
    found = checkpoint_sha256(model)
    if found != expected:
        raise ConfigurationError(
            f"{platform.node()}: the checkpoint of {model} has sha256 {found}, the run has "
            f"{expected}; install the same weights on every machine"
        )


def take_cores(execution: ExecutionConfig, device: str) -> list[int]:
    """Keep this process to the cores that an actor was given; returns those it is pinned to.

    Beside a GPU the cores read, encode and write, and are left to the system.
    """
    count = max(1, int(execution.cpus_per_actor))
    limit_threads(count)
    return keep_to_cores(count) if device == "cpu" and execution.cpus_per_actor >= 1 else []
