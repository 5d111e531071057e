"""The Ray actor that holds a loaded upscaler on its device and processes shards."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import ray

from jobs.upscale.cores import keep_to_cores, limit_threads
from jobs.upscale.memory import keep_large_on_disk, share_out
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.planning.plan_file import read_shard
from sr_core.archive.storage import Store, open_store
from sr_core.config import ExecutionConfig, RunConfig
from sr_core.errors import ConfigurationError
from sr_core.models.catalogue import Checkpoint, checkpoint_sha256, scales_by_model
from sr_core.records import MetricsRow, ShardResult

if TYPE_CHECKING:
    from sr_core.engine.shard import ShardWorker

# Shards that an actor processes at one time: the next one reads while the last one writes.
SHARDS_PER_ACTOR = 2


@dataclass(frozen=True, slots=True)
class ActorReport:
    """Location of an actor, and how long it took to start."""

    node_id: str
    host: str
    pid: int
    device: str
    start_s: float


@dataclass(frozen=True, slots=True)
class ActorSpec:
    """Everything an actor needs to work on a run."""

    source_uri: str
    root_uri: str
    run_id: str
    config: RunConfig
    execution: ExecutionConfig
    device: str
    """cpu or cuda."""
    checkpoints: tuple[Checkpoint, ...]
    """Checkpoints that the run may use; none for a baseline."""
    witness: str | None
    """Key of a planned source that the driver sees; None if the plan has no image."""


class UpscaleActor:
    """Processes shards of one run. Retry-safe: an interrupted call leaves nothing half done.

    The constructor does nothing that can fail; `start` loads, so that its errors reach the driver.
    """

    def __init__(self, spec: ActorSpec) -> None:
        """Create an actor that has loaded nothing yet."""
        self._spec = spec

    def start(self) -> ActorReport:
        """Open the stores, load the upscaler, and check that both are those of the run.

        Raises: ConfigurationError if this machine sees another root or checkpoint, or computes a
            wrong known answer.
        """
        start = time.monotonic()
        spec = self._spec
        take_cores(spec.execution, spec.device)
        root, source = open_store(spec.root_uri), open_store(spec.source_uri)
        check_root(root, spec.run_id)
        check_source(source, spec.witness)
        for checkpoint in spec.checkpoints:
            check_checkpoint(checkpoint)
        self._root = root
        self._worker = load_worker(spec, root, source)
        return ActorReport(
            ray.get_runtime_context().get_node_id(),
            platform.node(),
            os.getpid(),
            spec.device,
            time.monotonic() - start,
        )

    def process(self, round_index: int, shard: int, attempt: str) -> ShardResult:
        """Process one shard and commit it."""
        return self._worker.process(round_index, shard, attempt)

    def rows(
        self, round_index: int, shard: int, indices: Sequence[int], attempt: str
    ) -> list[MetricsRow]:
        """Process some images of a suspected shard without committing it."""
        images = read_shard(self._root, round_index, shard)
        return self._worker.rows([images[index] for index in indices], round_index, attempt)

    def commit(self, round_index: int, shard: int, rows: Sequence[MetricsRow]) -> ShardResult:
        """Commit a suspected shard whose rows the driver has collected."""
        return self._worker.commit(round_index, shard, rows)


def load_worker(spec: ActorSpec, root: Store, source: Store) -> ShardWorker:
    """Load the upscaler of a run and return the worker that processes its shards."""
    # Here and not at the top: the driver imports this module and should not load torch.
    from sr_core.engine.shard import ShardWorker
    from sr_core.engine.signing import Signer
    from sr_core.engine.stages import Stages
    from sr_core.inference.device_model import device_model
    from sr_core.inference.twins import Twins
    from sr_core.inference.upscaler import open_upscaler

    shares = share_out(spec.execution)
    keep_large_on_disk(shares)
    open_model = partial(
        open_upscaler,
        device=spec.device,
        precision=spec.config.precision,
        engine=spec.execution.engine,
        memory_budget_bytes=shares.tiles,
    )
    upscaler = open_model(spec.config.model, scales=scales_by_model(spec.checkpoints))
    stages = Stages(
        source,
        root,
        spec.run_id,
        spec.config,
        upscaler,
        deadline_s=spec.execution.image_deadline_s,
        checkpoints=spec.checkpoints,
        device_model=device_model("cpu" if upscaler.engine is None else spec.device),
        keep_times=spec.execution.times == "source",
        twins=Twins(open_model),
        signer=None if spec.execution.c2pa_sign is None else Signer(*spec.execution.c2pa_sign),
    )
    return ShardWorker(
        root,
        stages,
        io_threads=spec.execution.io_threads,
        budget_megapixels=shares.megapixels,
        worker=f"{platform.node()}:{os.getpid()}",
    )


def check_root(root: Store, run_id: str) -> None:
    """Refuse a machine that does not see the run that the driver started.

    Raises: ConfigurationError.
    """
    existing = Ledger(root).run()
    if existing is None or existing.run_id != run_id:
        raise ConfigurationError(
            f"{platform.node()} does not see run {run_id} in {root.uri}; the output must be in S3 "
            "or in a folder that all machines share"
        )


def check_source(source: Store, witness: str | None) -> None:
    """Refuse a machine that does not see the sources that the driver sees.

    Raises: ConfigurationError.
    """
    if witness is not None and source.head(witness) is None:
        raise ConfigurationError(
            f"{platform.node()} does not see {witness} in {source.uri}; the source must be in S3 "
            "or in a folder that all machines share"
        )


def check_checkpoint(expected: Checkpoint) -> None:
    """Refuse weights other than those of the run.

    Raises: ConfigurationError.
    """
    found = checkpoint_sha256(expected.model, expected.scale)
    if found != expected.sha256:
        raise ConfigurationError(
            f"{platform.node()}: the checkpoint of {expected.model} has sha256 {found}, the run "
            f"has {expected.sha256}; install the same weights on every machine"
        )


def take_cores(execution: ExecutionConfig, device: str) -> list[int]:
    """Keep this process to the cores of an actor, and return those it is pinned to.

    With a GPU, the cores read, encode and write, and are not pinned.
    """
    count = max(1, int(execution.cpus_per_actor))
    limit_threads(count)
    return keep_to_cores(count) if device == "cpu" and execution.cpus_per_actor >= 1 else []
