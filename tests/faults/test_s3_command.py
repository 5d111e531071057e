"""The command line on S3, as its user runs it: real processes, real local Ray, no secret leaked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sr_core.archive.storage import open_store
from sr_core.config import JobConfig
from tests.support.s3_run import check_no_harm, put_behind_its_back, rows, statuses
from tests.support.servers import Fault, FaultProxy, S3Server
from tests.support.small_run import contents

PATIENCE_S = 240


def srfleet(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command in the present environment; return its exit code and its whole output."""
    done = subprocess.run(
        [sys.executable, "-m", "jobs", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_run_by_hand_from_the_manifest_to_its_verification(
    s3_job: JobConfig, proxy: FaultProxy, moto: S3Server, tmp_path: Path
) -> None:
    put_behind_its_back(moto, f"{s3_job.source}/forbidden.png", b"not for srfleet")
    put_behind_its_back(moto, f"{s3_job.source}/Thumbs.db", b"no image")
    # The root lies in the source; outputs must not be taken for new source images.
    source, out = s3_job.source, f"{s3_job.source}/upscaled"
    told = []

    def command(*arguments: str) -> int:
        code, said = srfleet(tmp_path, *arguments)
        told.append(said)
        return code

    assert command("manifest", source, "-o", "m.parquet") == 0, told[-1]
    assert "6 files" in told[-1]
    upscale = ["upscale", source, out, "--model", "nearest", "--actors", "1"]
    assert command(*upscale) == 3, told[-1]
    assert "4 ok, 1 skipped (1 system file), 1 failed (forbidden 1)" in told[-1]
    assert command("status", out) == 3, told[-1]
    assert "finished" in told[-1]
    assert command("verify", out) == 0, told[-1]
    finished = contents(open_store(out))
    assert command(*upscale) == 3, told[-1]
    assert contents(open_store(out)) == finished, "a finished run wrote something"
    job = s3_job.model_copy(update={"output": out})
    found = rows(job, proxy)
    assert statuses(found) == {"ok": 4, "forbidden": 1, "system_file": 1}
    assert "report.html" in finished
    everything = "".join(told).encode() + b"".join(finished.values())
    assert moto.secret.encode() not in everything
    assert moto.key.encode() not in everything


@pytest.mark.slow
def test_credentials_that_expire_in_the_actors_stop_the_run_and_new_ones_go_on(
    s3_job: JobConfig, proxy: FaultProxy, tmp_path: Path
) -> None:
    (tmp_path / "job.yaml").write_text(
        f"source: {s3_job.source}\noutput: {s3_job.output}\nrun: {{model: nearest}}\n"
        "execution: {actors: 1, shard_megapixels: 1, shard_images: 1}\n"
    )
    proxy.inject(Fault.EXPIRED, times=None, method="PUT", where="/images/", skip=2)
    code, said = srfleet(tmp_path, "upscale", "--job", "job.yaml")
    assert code == 75, said
    assert "ExpiredToken: renew the credentials" in " ".join(said.split())
    left_behind = check_no_harm(s3_job, proxy)
    assert sum(key.startswith("metrics/") for key in left_behind) == 2
    code, said = srfleet(tmp_path, "upscale", "--job", "job.yaml")
    assert code == 0, said
    assert statuses(rows(s3_job, proxy)) == {"ok": 4}
    assert left_behind.items() <= contents(open_store(s3_job.output)).items()


def test_wrong_credentials_ask_to_try_again_and_tell_no_secret(
    s3_job: JobConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "wrong/secret+of+somebody"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    for arguments in (["upscale", s3_job.source, s3_job.output], ["status", s3_job.output]):
        code, said = srfleet(tmp_path, *arguments)
        assert code == 75, said
        assert "SignatureDoesNotMatch" in said
        assert "Traceback" not in said
        assert secret not in said


def test_an_outage_that_outlasts_patience_asks_to_try_again(
    s3_job: JobConfig, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRFLEET_S3_DEADLINE_S", "0.5")
    proxy.inject(Fault.SLOW_DOWN, times=None)
    code, said = srfleet(tmp_path, "upscale", s3_job.source, s3_job.output)
    assert code == 75, said
    assert "SlowDown" in said
    assert "Traceback" not in said


def test_a_bucket_that_is_not_there_is_a_mistake_in_the_command(
    s3_job: JobConfig, moto: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # S3 does not reveal to others if such a bucket exists.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.admin_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.admin_secret)
    code, said = srfleet(tmp_path, "upscale", s3_job.source, "s3://no-such-bucket/out")
    assert code == 2, said
    assert "create the bucket or correct its name" in " ".join(said.split())
