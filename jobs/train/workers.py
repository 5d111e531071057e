"""A training on several workers by Ray Train: one per GPU, or processes on CPU cores."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import IO, cast

import ray
import ray.train
from ray.exceptions import RayError
from ray.train.torch import TorchTrainer, get_device
from ray.util.queue import Empty, Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from jobs.cluster.connect import connected
from jobs.terminal import Terminal
from jobs.train.folder import standing
from jobs.train.task import Task
from sr_core.config import ExecutionConfig
from sr_core.errors import ConfigurationError, RetryLaterError, SrfleetError
from sr_core.training.workers import Worker

_ATTEMPTS = 3
"""Losses of workers in a row, with no state saved in between, before giving up."""
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Group:
    """Number of workers and the resources of each."""

    workers: int
    cpus: int
    gpus: int


def train_on_workers(
    task: Task, workers: int | None, device: str, address: str | None, terminal: Terminal
) -> None:
    """Train to the end on the workers of a local Ray or a cluster, resuming what OUT holds.

    Losing a worker or a machine ends the group; a new group resumes from the last saved state, as
    often as needed while there is progress.

    Args:
        task: the training.
        workers: number of workers; None for one per GPU, or one per machine without GPUs.
        device: auto, cpu or cuda; auto uses GPUs if Ray has any.
        address: address of a cluster; None for $RAY_ADDRESS, or a Ray started by this command.
        terminal: receives the first worker's lines.

    Raises: errors of workers meant for the user; ConfigurationError; RetryLaterError.
    """
    execution = ExecutionConfig(address=address)
    try:
        with connected(execution):
            machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            group = share_out(machines, workers, device)
            _check_batches(task, group)
            terminal.say(f"{group.workers} workers of {_needs(group)} each")
            failures = 0
            while failure := _attempt(task, group, terminal):
                failures = failures + 1 if failure.is_standstill else 0
                if failures == _ATTEMPTS:
                    raise failure.error
                terminal.say(f"{failure.reason}; the workers resume from the last saved state")
    except (KeyboardInterrupt, SystemExit) as interrupt:  # SystemExit: from a Ray joined before
        raise RetryLaterError("the same command resumes from the last saved state") from interrupt


def share_out(machines: Sequence[Mapping[str, float]], workers: int | None, device: str) -> Group:
    """Return the resources of each worker: an equal share of CPU cores, and a GPU if any.

    Args:
        machines: resources by Ray's names, CPU and GPU.
        workers: number of workers; None for one per GPU, or one per machine without GPUs.
        device: auto, cpu or cuda.

    Raises: ConfigurationError if the workers do not fit, or the device does not exist.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigurationError(f"--device must be auto, cpu or cuda, not {device!r}")
    cpus, gpus = ([int(machine.get(kind, 0)) for machine in machines] for kind in ("CPU", "GPU"))
    if device == "cuda" and not sum(gpus):
        raise ConfigurationError("--device cuda: this Ray has no GPU; take cpu or auto")
    on_gpus = device != "cpu" and sum(gpus) > 0
    if workers is None:
        workers = sum(gpus) if on_gpus else sum(count > 0 for count in cpus)
    for each in range(max(cpus, default=0), 0, -1):
        places = [count // each for count in cpus]
        if on_gpus:
            places = list(map(min, places, gpus))
        if sum(places) >= workers > 0:
            return Group(workers, each, gpus=int(on_gpus))
    needs = "a GPU and a CPU core" if on_gpus else "a CPU core"
    raise ConfigurationError(
        f"{workers} workers do not fit: each takes {needs}, and this Ray has {sum(gpus)} GPUs and "
        f"{sum(cpus)} CPU cores; give fewer --workers, or start more machines"
    )


def _needs(group: Group) -> str:
    return f"{group.cpus} CPU cores" + (" and a GPU" if group.gpus else "")


def _check_batches(task: Task, group: Group) -> None:
    for stage in task.training.stages:
        if stage.batch_size % group.workers:
            raise ConfigurationError(
                f"{group.workers} workers cannot share the batch_size {stage.batch_size} of stage "
                f"{stage.name} evenly: give a number of --workers that divides it"
            )


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that ended early."""

    error: Exception
    reason: str
    is_standstill: bool
    """True if nothing new was saved."""


def _attempt(task: Task, group: Group, terminal: Terminal) -> _Failure | None:
    """Train with one group of workers; return None at the end of the training, or the failure.

    Raises: errors of workers meant for the user, which a retry would not fix.
    """
    before = standing(task.output)
    # A local folder will do: the controller runs here too, and workers save nothing in it.
    with tempfile.TemporaryDirectory(prefix="srfleet-ray-") as folder:
        lines = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": _here()})
        trainer = TorchTrainer(
            partial(_work, task, lines),
            scaling_config=ray.train.ScalingConfig(
                num_workers=group.workers,
                use_gpu=group.gpus > 0,
                resources_per_worker={"CPU": group.cpus, "GPU": group.gpus},
            ),
            run_config=ray.train.RunConfig(
                name="training",
                storage_path=folder,
                failure_config=ray.train.FailureConfig(max_failures=0),  # see train_on_workers
            ),
        )
        try:
            _fit_telling(trainer, lines, terminal)
        except ray.train.TrainingFailedError as error:
            failures = getattr(error, "worker_failures", {})
            for failure in failures.values():
                if isinstance(failure, SrfleetError | OSError):
                    raise failure from None
            lost = _as_lost(failures.values())
            cause = next(iter(failures.values()), error)
            reason = str(lost) if lost else f"{type(cause).__name__}: {cause}".splitlines()[0]
            return _Failure(lost or error, reason, standing(task.output) == before)
        finally:
            lines.shutdown(force=True)
    return None


def _as_lost(failures: Iterable[Exception]) -> RetryLaterError | None:
    """Return one error for a worker that died; the others fail because it no longer answers."""
    for failure in failures:
        death = getattr(failure, "health_check_failure", failure)
        if isinstance(death, RayError):
            return RetryLaterError(f"a worker was lost: {str(death).strip().splitlines()[0]}")
    return None


def _fit_telling(trainer: TorchTrainer, lines: Queue, terminal: Terminal) -> None:
    """Run the trainer in a thread, where it does not catch Ctrl-C, and print the workers' lines."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="srfleet-train")
    outcome = executor.submit(trainer.fit)
    executor.shutdown(wait=False)
    while _print_next(lines, terminal) or not outcome.done():
        pass
    outcome.result()


def _print_next(lines: Queue, terminal: Terminal) -> bool:
    try:
        line = lines.get(timeout=_POLL_S)
    except Empty:
        return False
    terminal.say(line)
    return True


def _here() -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _work(task: Task, lines: Queue) -> None:
    """Entry point of each worker."""
    context = ray.train.get_context()
    worker = Worker(get_device(), context.get_world_rank(), context.get_world_size())
    task.work(worker, Terminal(cast(IO[str], _Lines(lines))))


class _Lines(io.TextIOBase):
    """A text file that sends its lines to the command's terminal."""

    def __init__(self, lines: Queue) -> None:
        self._lines, self._begun = lines, ""

    def write(self, text: str) -> int:
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            self._lines.put(line)
        return len(text)
