"""Runs on S3 with refused requests: expired keys; forbidden, missing and foreign objects."""

from __future__ import annotations

import hashlib
import io
from urllib.parse import unquote

import pytest
from PIL import Image

from sr_core.archive.storage import Store, open_store
from sr_core.config import JobConfig
from sr_core.errors import StorageUnavailableError
from tests.integration.storage.conftest import set_environment
from tests.support.s3_run import KEYS, check_no_harm, put_behind_its_back, rows, statuses
from tests.support.servers import Fault, FaultProxy, S3Server
from tests.support.small_run import contents
from tests.support.watched_store import WatchedStore
from tests.support.whole_run import plan_here, plan_retry_here, run_here


def image(size: tuple[int, int], file_format: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, file_format)
    return file.getvalue()


def check_expiry(s3_job: JobConfig, proxy: FaultProxy, request: int) -> None:
    """Let the credentials expire before a request of a run, renew them, and restart the run."""
    job = s3_job.model_copy(update={"output": f"{s3_job.output}-{request}"})
    proxy.inject(Fault.EXPIRED, times=None, skip=request)
    with pytest.raises(StorageUnavailableError, match="ExpiredToken: renew the credentials"):
        run_here(job, "expired")
    left_behind = check_no_harm(job, proxy)
    run_here(job, "renewed")
    assert statuses(rows(job, proxy)) == {"ok": 4}
    assert left_behind.items() <= contents(open_store(job.output)).items()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_credentials_may_expire_before_any_request(s3_job: JobConfig, proxy: FaultProxy) -> None:
    run_here(s3_job)
    for request in range(len(proxy.requests)):
        check_expiry(s3_job, proxy, request)


def test_a_revoked_key_stops_the_run_and_another_key_goes_on(
    s3_job: JobConfig, proxy: FaultProxy, moto: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoked = moto.another_key()
    for name, value in zip(("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"), revoked, strict=True):
        monkeypatch.setenv(f"AWS_{name}", value)

    parts = f"{s3_job.output.removeprefix(f's3://{moto.bucket}/')}/metrics/"

    def revoke_at_first_commit(store: Store) -> Store:
        def after() -> None:
            # Count stored objects, not requests: another thread may still await its response.
            if moto.admin().list_objects_v2(Bucket=moto.bucket, Prefix=parts)["KeyCount"]:
                moto.revoke_key(revoked[0])

        return WatchedStore(store, after=after)  # type: ignore[return-value]

    with pytest.raises(StorageUnavailableError, match="InvalidAccessKeyId") as caught:
        run_here(s3_job, watch=revoke_at_first_commit)
    assert revoked[1] not in str(caught.value)
    set_environment(monkeypatch, moto.environment(proxy.endpoint))
    left_behind = check_no_harm(s3_job, proxy)
    assert sum(key.startswith("metrics/") for key in left_behind) == 1
    run_here(s3_job)
    assert statuses(rows(s3_job, proxy)) == {"ok": 4}


def test_a_source_that_may_not_be_read_is_one_forbidden_row(
    s3_job: JobConfig, proxy: FaultProxy, moto: S3Server
) -> None:
    put_behind_its_back(moto, f"{s3_job.source}/forbidden.png", b"the user may not even look at it")
    run_here(s3_job)
    found = rows(s3_job, proxy)
    assert statuses(found) == {"ok": 4, "forbidden": 1}
    assert found["forbidden.png"]["error_class"] == "forbidden"


def test_sources_that_go_or_change_after_the_plan_are_told_apart(
    s3_job: JobConfig, proxy: FaultProxy, moto: S3Server
) -> None:
    plan_here(s3_job)
    place = s3_job.source.removeprefix(f"s3://{moto.bucket}/")
    moto.admin().delete_object(Bucket=moto.bucket, Key=f"{place}/{KEYS[0]}")
    put_behind_its_back(moto, f"{s3_job.source}/{KEYS[1]}", image((9, 9), "JPEG"))
    run_here(s3_job)
    found = rows(s3_job, proxy)
    assert found[KEYS[0]]["error_class"] == "not_found"
    assert found[KEYS[1]]["error_class"] == "source_changed"
    assert found[KEYS[1]]["output_key"] is None
    plan_retry_here(s3_job)
    run_here(s3_job)
    found = rows(s3_job, proxy)
    assert found[KEYS[0]]["error_class"] == "not_found"
    assert (found[KEYS[1]]["status"], found[KEYS[1]]["width_out_px"]) == ("ok", 36)


@pytest.mark.parametrize("late", [False, True], ids=["before the fetch", "after the fetch"])
def test_an_output_of_another_run_is_a_conflict_and_stays(
    s3_job: JobConfig, proxy: FaultProxy, moto: S3Server, late: bool
) -> None:
    theirs = image((96, 96), "PNG")  # has the size of an output
    metadata = {"run-id": "another", "sha256": hashlib.sha256(theirs).hexdigest()}
    uri = f"{s3_job.output}/images/{KEYS[0]}"

    def put_once_it_was_looked_for(store: Store) -> Store:
        def before() -> None:
            if any(method == "GET" and uri[5:] in path for method, path in proxy.requests):
                put_behind_its_back(moto, uri, theirs, **metadata)

        return WatchedStore(store, before=before)  # type: ignore[return-value]

    plan_here(s3_job)
    if late:
        run_here(s3_job, watch=put_once_it_was_looked_for)
    else:
        put_behind_its_back(moto, uri, theirs, **metadata)
        run_here(s3_job)
    found = rows(s3_job, proxy)
    assert statuses(found) == {"ok": 3, "conflict": 1}
    assert "run another" in found[KEYS[0]]["error_message"]
    assert open_store(s3_job.output).read(f"images/{KEYS[0]}") == theirs


def test_keys_of_a_bucket_that_mean_harm_elsewhere_are_rejected_unread(
    s3_job: JobConfig, proxy: FaultProxy, moto: S3Server
) -> None:
    # Ordinary keys in S3, which anybody may have put there, but not on a disk.
    hostile = ["../outside.png", "/etc/passwd", "a//b.png", "~/x.png", "a\\..\\x.png", "a::b.png"]
    hostile += ["\x1b[31m.png", "tab\t.png", "http://127.0.0.1:9/x.png", "./x.png", ".."]
    for key in hostile:
        put_behind_its_back(moto, f"{s3_job.source}/{key}", b"not to be read")
    run_here(s3_job)
    found = rows(s3_job, proxy)
    assert statuses(found) == {"ok": 4, "key_rejected": len(hostile)}
    assert {key for key, row in found.items() if row["error_class"]} == set(hostile)
    asked = {unquote(path).partition("?")[0] for _, path in proxy.requests}
    place = f"/{s3_job.source.removeprefix('s3://').removesuffix('photos')}"
    objects = {path.removeprefix(place) for path in asked if path.startswith(place)}
    assert asked - {place + path for path in objects} == {f"/{moto.bucket}"}, "listings"
    assert {path for path in objects if path.startswith("photos/")} == {
        f"photos/{key}" for key in KEYS
    }
