"""The driver as its user runs it: killed, interrupted, started twice; real processes, real Ray."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from tests.support.photographs import write_photographs
from tests.support.small_run import contents

pytestmark = pytest.mark.slow

IMAGES = 24
PATIENCE_S = 120


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Return a command that upscales 24 photographs in 12 shards with a slow model."""
    write_photographs(tmp_path / "photos", IMAGES, side=48)
    (tmp_path / "job.yaml").write_text(
        f"source: {tmp_path}/photos\n"
        f"output: {tmp_path}/out\n"
        "run: {model: srresnet}\n"
        "execution: {actors: 1, shard_megapixels: 10, shard_images: 2}\n"
    )
    return [sys.executable, "-m", "jobs", "upscale", "--job", str(tmp_path / "job.yaml")]


def start(command: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
        # A shell starts background processes with SIGINT ignored; these must react to it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait until a condition is true; fail if the process ends before."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def parts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "out").glob("metrics/*.parquet"))


def check(tmp_path: Path) -> None:
    assert verify_run(open_store(str(tmp_path / "out"))) == []
    rows = pq.read_table(tmp_path / "out/metrics")
    assert Counter(rows.column("status").to_pylist()) == {"ok": IMAGES}


def test_a_killed_driver_started_again_goes_on_and_rewrites_nothing(
    tmp_path: Path, command: list[str]
) -> None:
    doomed = start(command)
    wait_for(lambda: len(parts(tmp_path)) >= 2, doomed)
    os.killpg(doomed.pid, signal.SIGKILL)
    doomed.communicate()
    store = open_store(str(tmp_path / "out"))
    left_behind = contents(store)
    rescuer = start(command)
    _, said = rescuer.communicate(timeout=PATIENCE_S)
    assert rescuer.returncode == 0, said
    resumed = re.search(r"(\d+) done, (\d+) left", said)
    assert resumed, said
    done, left = map(int, resumed.groups())
    # At least as many as observed: the actor may have committed one more before it noticed.
    assert done >= 2 * sum("metrics/" in key for key in left_behind)
    assert done + left == IMAGES
    assert left_behind.items() <= contents(store).items()
    check(tmp_path)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_driver_says_what_is_left_and_goes_on(
    tmp_path: Path, command: list[str], stop: signal.Signals
) -> None:
    interrupted = start(command)
    wait_for(lambda: parts(tmp_path), interrupted)
    interrupted.send_signal(stop)
    _, said = interrupted.communicate(timeout=PATIENCE_S)
    assert interrupted.returncode == 75, said
    assert "SIGTERM received" not in said  # Ray would abort it after three seconds
    assert "the same command resumes from here" in " ".join(said.split())
    assert len(parts(tmp_path)) < IMAGES // 2
    again = start(command)
    _, said = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, said
    check(tmp_path)


def test_two_drivers_on_one_root_do_each_image_once(tmp_path: Path, command: list[str]) -> None:
    first, second = start(command), start(command)
    said = [process.communicate(timeout=2 * PATIENCE_S)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    check(tmp_path)
