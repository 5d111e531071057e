"""Trainings whose process, worker or machine is killed end with the losses of an intact one."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from jobs.cli.exit_codes import ExitCode
from jobs.terminal import Terminal
from jobs.train.run import train
from sr_core.archive.storage import open_store
from tests.integration.storage.conftest import set_environment
from tests.support.servers import S3Server
from tests.support.small_training import (
    SRGAN,
    SRRESNET,
    journal,
    losses,
    small_request,
    start_training,
    write_training,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_shared_weights")]

STAGES = SRRESNET | {"steps": 40}, SRGAN
PATIENCE_S = 300


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, without_shared_weights: None) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    train(small_request(folder, folder / "out", *STAGES), Terminal(io.StringIO()))
    return folder / "out"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts the command on the same photographs; kill it at teardown."""
    photographs, config = write_training(tmp_path, *STAGES)
    started: list[subprocess.Popen[str]] = []

    def start(output: Path | str, *options: str) -> subprocess.Popen[str]:
        started.append(start_training(photographs, output, config, options))
        return started[-1]

    yield start
    for process in started:
        with process:
            process.kill()


def wait_for_state(output: Path | str, training: subprocess.Popen[str]) -> None:
    """Wait until the first stage has been saved; most of the training is still to come then."""
    store, end = open_store(str(output)), time.monotonic() + PATIENCE_S
    while store.head("state-srresnet.pt") is None:
        assert training.poll() is None, training.communicate()[1]
        assert time.monotonic() < end, "no state"
        time.sleep(0.05)


def finish(training: subprocess.Popen[str]) -> str:
    """Wait until the command succeeds; return its output."""
    _, said = training.communicate(timeout=PATIENCE_S)
    assert training.returncode == ExitCode.DONE, said
    return said


def assert_same_training(output: Path | str, undisturbed: Path) -> None:
    """Compare losses with a tolerance: several workers differ by rounding, which accumulates."""
    mine, theirs = losses(output), losses(undisturbed)
    assert len(mine) == len(theirs)
    for disturbed, expected in zip(mine, theirs, strict=True):
        assert disturbed == pytest.approx(expected, rel=1e-3)


def test_a_killed_training_goes_on_to_the_bit(
    undisturbed: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    killed = start(tmp_path / "out")
    wait_for_state(tmp_path / "out", killed)
    killed.kill()
    killed.communicate()
    assert not (tmp_path / "out" / "srgan_x4.safetensors").exists()
    assert "srresnet resumes after step" in finish(start(tmp_path / "out"))
    assert journal(tmp_path / "out") == journal(undisturbed)


def test_a_terminated_training_is_saved_and_may_be_tried_again(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    training = start(tmp_path / "out")
    wait_for_state(tmp_path / "out", training)
    training.send_signal(signal.SIGTERM)
    _, said = training.communicate(timeout=PATIENCE_S)
    assert training.returncode == ExitCode.TRY_AGAIN
    assert "the same command resumes it" in said
    assert "Traceback" not in said


def workers_of(training: subprocess.Popen[str]) -> list[int]:
    """Return the training processes of a command, in the order of their start."""
    command = ["ps", "-e", "-o", "pid=,ppid=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    processes = [line.split(maxsplit=2) for line in listed.splitlines()]
    parents = {int(pid): int(parent) for pid, parent, *_ in processes}

    def is_of_command(pid: int) -> bool:
        return pid == training.pid or (pid in parents and is_of_command(parents[pid]))

    named = [int(pid) for pid, _, *name in processes if "RayTrainWorker" in "".join(name)]
    return sorted(filter(is_of_command, named))


def test_a_worker_that_is_killed_costs_no_more_than_what_was_not_saved(
    undisturbed: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    training = start(tmp_path / "out", "--workers", "2")
    wait_for_state(tmp_path / "out", training)
    first, second = workers_of(training)
    assert first != second
    os.kill(second, signal.SIGKILL)
    said = finish(training)
    assert "a worker was lost" in said
    assert said.count("resumes after step") >= 1
    assert "Traceback" not in said
    assert_same_training(tmp_path / "out", undisturbed)


def test_workers_end_with_their_command_and_leave_nothing_at_home(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    results = Path.home() / "ray_results"
    before = results.exists() and set(results.iterdir())
    training = start(tmp_path / "out", "--workers", "2")
    wait_for_state(tmp_path / "out", training)
    workers = workers_of(training)
    training.send_signal(signal.SIGINT)
    _, said = training.communicate(timeout=PATIENCE_S)
    assert training.returncode == ExitCode.TRY_AGAIN, said
    assert "the same command resumes from the last saved state" in said
    assert "Traceback" not in said
    assert len(workers) == 2
    end = time.monotonic() + PATIENCE_S
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < end, "workers outlive their command"
        time.sleep(0.05)
    assert (results.exists() and set(results.iterdir())) == before


def test_a_machine_that_is_lost_is_replaced_without_a_folder_in_common(
    undisturbed: Path,
    moto: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    set_environment(monkeypatch, moto.environment())
    output = f"s3://{moto.bucket}/{uuid.uuid4().hex}"
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 128 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        machines = [cluster.add_node(num_cpus=1, object_store_memory=128 << 20) for _ in range(2)]
        training = start(output, "--address", cluster.address)
        wait_for_state(output, training)
        cluster.remove_node(machines[0], allow_graceful=False)
        cluster.add_node(num_cpus=1, object_store_memory=128 << 20)
        said = finish(training)
    finally:
        cluster.shutdown()
    assert "2 workers" in said
    assert "a worker was lost" in said
    assert_same_training(output, undisturbed)
