"""Machines of a real Ray cluster with several nodes are lost during a run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ray.cluster_utils import Cluster

from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from tests.support.photographs import write_photographs

pytestmark = pytest.mark.slow

IMAGES = 24
PATIENCE_S = 240


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Start a head node that runs no actors; tests add machines that do."""
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 << 20},
    )
    yield cluster
    cluster.shutdown()


def add_machine(cluster: Cluster) -> object:
    return cluster.add_node(num_cpus=1, object_store_memory=80 << 20)


@pytest.fixture
def start(tmp_path: Path, cluster: Cluster) -> Callable[[int], subprocess.Popen[str]]:
    """Return a function that starts the driver with the given number of actors."""
    write_photographs(tmp_path / "photos", IMAGES, side=48)

    def start_driver(actors: int) -> subprocess.Popen[str]:
        (tmp_path / "job.yaml").write_text(
            f"source: {tmp_path}/photos\n"
            f"output: {tmp_path}/out\n"
            "run: {model: srresnet}\n"
            f"execution: {{actors: {actors}, shard_megapixels: 10, shard_images: 2}}\n"
        )
        command = [sys.executable, "-m", "jobs", "upscale", "--job", str(tmp_path / "job.yaml")]
        return subprocess.Popen(
            [*command, "--address", cluster.address],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    return start_driver


def wait_for_commits(tmp_path: Path, count: int, driver: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE_S
    while len(list((tmp_path / "out").glob("metrics/*.parquet"))) < count:
        assert driver.poll() is None, driver.communicate()[1]
        assert time.monotonic() < end, "no commits"
        time.sleep(0.05)


def ended(tmp_path: Path, driver: subprocess.Popen[str]) -> dict[str, int]:
    """Wait for a driver that loses an actor, check its run, and count the statuses."""
    _, said = driver.communicate(timeout=PATIENCE_S)
    assert driver.returncode == 0, said
    assert "lost an actor on" in said
    assert verify_run(open_store(str(tmp_path / "out"))) == []
    return dict(Counter(pq.read_table(tmp_path / "out/metrics").column("status").to_pylist()))


def test_a_lost_machine_is_made_up_for_by_the_others(
    tmp_path: Path, cluster: Cluster, start: Callable[[int], subprocess.Popen[str]]
) -> None:
    lost, _ = add_machine(cluster), add_machine(cluster)
    cluster.wait_for_nodes()
    driver = start(2)
    wait_for_commits(tmp_path, 2, driver)
    cluster.remove_node(lost, allow_graceful=False)
    assert ended(tmp_path, driver) == {"ok": IMAGES}


def test_without_a_spare_the_run_waits_for_another_machine(
    tmp_path: Path, cluster: Cluster, start: Callable[[int], subprocess.Popen[str]]
) -> None:
    lost = add_machine(cluster)
    cluster.wait_for_nodes()
    driver = start(1)
    wait_for_commits(tmp_path, 2, driver)
    cluster.remove_node(lost, allow_graceful=False)
    add_machine(cluster)
    assert ended(tmp_path, driver) == {"ok": IMAGES}
