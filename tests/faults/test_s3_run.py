"""Whole runs from S3 to S3 with network failures: each image ends in exactly one row."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from PIL import Image

from sr_core.archive.storage import open_store
from sr_core.config import JobConfig, RunConfig
from sr_core.errors import StorageError
from tests.integration.storage.conftest import PART_BYTES
from tests.support.s3_run import KEYS, check_no_harm, put_behind_its_back, rows, statuses
from tests.support.servers import Fault, FaultProxy, S3Server
from tests.support.small_run import contents
from tests.support.whole_run import plan_here, plan_retry_here, run_here


@pytest.mark.parametrize(
    "fault",
    [
        Fault.SLOW_DOWN,
        Fault.CUT_BODY,
        Fault.LOST_ANSWER,
        pytest.param(Fault.INTERNAL_ERROR, marks=pytest.mark.slow),
        pytest.param(Fault.HANG_UP, marks=pytest.mark.slow),
    ],
)
def test_a_run_on_which_every_third_request_fails_ends_well(
    s3_job: JobConfig, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.inject(fault, times=None, every=3)
    run_here(s3_job)
    assert statuses(rows(s3_job, proxy)) == {"ok": 4}


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.STALL, Fault.STALL_BODY])
def test_stalls_of_every_kind_of_request_are_waited_out(
    s3_job: JobConfig, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setenv("SRFLEET_S3_TIMEOUT_S", "1")
    requests = [("GET", "list-type=2"), ("GET", "/photos/001"), ("GET", "plan.parquet")]
    if fault is Fault.STALL:  # the response to a put has no body
        requests += [("PUT", "run.json"), ("PUT", "/images/001"), ("PUT", "/metrics/")]
    for method, where in requests:
        proxy.inject(fault, method=method, where=where)
    run_here(s3_job)
    assert proxy.pending == 0
    assert statuses(rows(s3_job, proxy)) == {"ok": 4}


def test_puts_whose_every_answer_is_lost_are_found_again(
    s3_job: JobConfig, proxy: FaultProxy
) -> None:
    proxy.inject(Fault.LOST_ANSWER, times=None, method="PUT", every=2)
    run_here(s3_job)
    puts = Counter(path for method, path in proxy.requests if method == "PUT")
    # run.json, the plan, four images, two metrics parts and the closing record, each sent twice.
    assert sorted(puts.values()) == [2] * 9
    found = rows(s3_job, proxy)
    assert statuses(found) == {"ok": 4}
    assert all(row["adopted"] for row in found.values())


@pytest.mark.slow
def test_an_upload_in_parts_whose_completion_is_lost_is_found_again(
    s3_job: JobConfig, proxy: FaultProxy, moto: S3Server
) -> None:
    noise = Image.effect_noise((640, 640), 99)
    file = io.BytesIO()
    Image.merge("RGB", [noise, noise.rotate(90), noise.rotate(180)]).save(file, "PNG")
    put_behind_its_back(moto, f"{s3_job.source}/{KEYS[0]}", file.getvalue())
    proxy.inject(Fault.LOST_ANSWER, method="POST", where="uploadId=")
    bicubic = s3_job.model_copy(update={"run": RunConfig(model="bicubic", measure=False)})
    run_here(bicubic)
    assert proxy.pending == 0
    row = rows(bicubic, proxy)[KEYS[0]]
    assert row["output_size_bytes"] > PART_BYTES
    assert row["adopted"]
    assert "Uploads" not in moto.admin().list_multipart_uploads(Bucket=moto.bucket)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.CUT_BODY,
        pytest.param(Fault.SLOW_DOWN, marks=pytest.mark.slow),
        pytest.param(Fault.STALL_BODY, marks=pytest.mark.slow),
    ],
)
def test_a_source_that_stays_broken_is_one_row_that_a_further_round_mends(
    s3_job: JobConfig, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setenv("SRFLEET_S3_TIMEOUT_S", "3")
    execution = s3_job.execution.model_copy(update={"image_deadline_s": 0.5})
    job = s3_job.model_copy(update={"execution": execution})
    plan_here(job)
    proxy.inject(fault, times=None, method="GET", where=f"/photos/{KEYS[1]}")
    run_here(job)
    found = rows(job, proxy)
    assert statuses(found) == {"ok": 3, "network": 1}
    assert found[KEYS[1]]["error_class"] == "network"
    plan_retry_here(job)
    run_here(job)
    found = rows(job, proxy)
    assert statuses(found) == {"ok": 4}
    assert found[KEYS[1]]["round"] == 1


def test_a_source_that_is_broken_when_it_is_listed_is_left_to_the_worker(
    s3_job: JobConfig, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("probing", "ranged_source"):
        monkeypatch.setattr(f"sr_core.archive.source.{module}.DEADLINE_S", 0.5)
    proxy.inject(Fault.SLOW_DOWN, times=None, method="GET", where=f"/photos/{KEYS[1]}")
    plan_here(s3_job)
    proxy.heal()
    run_here(s3_job)
    assert statuses(rows(s3_job, proxy)) == {"ok": 4}


@pytest.mark.slow
def test_an_output_that_cannot_be_put_is_one_row_that_a_further_round_mends(
    s3_job: JobConfig, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRFLEET_S3_DEADLINE_S", "1")
    proxy.inject(Fault.SLOW_DOWN, times=None, method="PUT", where=f"/images/{KEYS[1]}")
    run_here(s3_job)
    found = rows(s3_job, proxy)
    assert found[KEYS[1]]["error_class"] == "network"
    assert statuses(found) == {"ok": 3, "network": 1}
    plan_retry_here(s3_job)
    run_here(s3_job)
    assert statuses(rows(s3_job, proxy)) == {"ok": 4}


def test_a_commit_that_cannot_be_written_leaves_its_images_to_be_adopted(
    s3_job: JobConfig, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRFLEET_S3_DEADLINE_S", "1")
    proxy.inject(Fault.SLOW_DOWN, times=None, method="PUT", where="/metrics/")
    with pytest.raises(StorageError, match="SlowDown"):
        run_here(s3_job)
    left_behind = check_no_harm(s3_job, proxy)
    assert not any(key.startswith("metrics/") for key in left_behind)
    monkeypatch.delenv("SRFLEET_S3_DEADLINE_S")
    run_here(s3_job)
    found = rows(s3_job, proxy)
    assert statuses(found) == {"ok": 4}
    assert {row["adopted"] for row in found.values()} == {True, False}
    assert left_behind.items() <= contents(open_store(s3_job.output)).items()
