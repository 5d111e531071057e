"""The S3 store with every observed failure of networks and servers."""

from __future__ import annotations

import threading
import traceback
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from sr_core.archive.ledger.layout import OWN_NAMES
from sr_core.archive.storage import Store, open_store
from sr_core.archive.storage.s3_writes import Writes
from sr_core.errors import (
    ConfigurationError,
    ErrorClass,
    SrfleetError,
    StorageError,
    StorageUnavailableError,
)
from tests.integration.storage.conftest import (
    PART_BYTES,
    prefix_of,
    set_environment,
    unfinished,
)
from tests.support.servers import Fault, FaultProxy, S3Server

BIG = b"0123456789abcdef" * (PART_BYTES // 16) + b"and a second part"
LONG_AGO = datetime(2010, 1, 1, tzinfo=UTC)
Environment = pytest.MonkeyPatch


def every_call(store: Store) -> list[Callable[[], object]]:
    return [
        lambda: store.head("a.jpg"),
        lambda: store.metadata("a.jpg"),
        lambda: store.read("a.jpg", length=10),
        lambda: store.read_object("a.jpg"),
        lambda: store.arrow_file("a.jpg"),
        lambda: store.put_if_absent("b.jpg", b"x"),
        lambda: store.put_if_absent("b.jpg", BIG),
        lambda: store.replace("report.html", b"x"),
        lambda: list(store.list()),
        store.refuses_overwrites,
        lambda: store.remove_leftovers(OWN_NAMES),
    ]


@pytest.mark.parametrize(
    "fault",
    [Fault.SLOW_DOWN, Fault.INTERNAL_ERROR, Fault.HANG_UP, Fault.CUT_BODY, Fault.LOST_ANSWER],
)
def test_a_passing_fault_is_not_noticed(s3: Store, proxy: FaultProxy, fault: Fault) -> None:
    s3.put_if_absent("a.jpg", b"0123456789" * 1000)
    for call in every_call(s3):
        proxy.inject(fault, times=2)
        call()
        proxy.heal()
    proxy.inject(fault, times=3, method="GET")
    assert s3.read("a.jpg") == b"0123456789" * 1000


@pytest.mark.parametrize(
    ("body", "method", "where"),
    [(b"body", "PUT", "a.png"), (BIG, "POST", "uploadId=")],
    ids=["one put", "completion of parts"],
)
def test_a_put_whose_answer_was_lost_says_false_and_its_body_stands(
    s3: Store,
    proxy: FaultProxy,
    uploads: Callable[[Store], list[str]],
    body: bytes,
    method: str,
    where: str,
) -> None:
    proxy.inject(Fault.LOST_ANSWER, method=method, where=where)
    assert s3.put_if_absent("a.png", body, {"srfleet-run": "r"}) is False
    assert s3.read("a.png") == body
    assert s3.metadata("a.png") == {"srfleet-run": "r"}
    assert uploads(s3) == []


def test_another_conditional_write_under_way_is_waited_for(s3: Store, proxy: FaultProxy) -> None:
    proxy.inject(Fault.CONFLICT, times=3, method="PUT")
    assert s3.put_if_absent("run.json", b"{}") is True
    proxy.inject(Fault.CONFLICT, times=1, method="POST", where="uploadId=")
    assert s3.put_if_absent("big.png", BIG) is True
    assert s3.read("big.png") == BIG


def test_parts_that_cannot_be_uploaded_leave_no_upload_behind(
    s3: Store, proxy: FaultProxy, uploads: Callable[[Store], list[str]]
) -> None:
    proxy.inject(Fault.DENIED, method="PUT", where="partNumber=2")
    with pytest.raises(StorageError) as caught:
        s3.put_if_absent("big.png", BIG)
    assert caught.value.error_class is ErrorClass.FORBIDDEN
    assert s3.head("big.png") is None
    assert uploads(s3) == []


def test_uploads_of_killed_writers_are_aborted_under_the_own_root_only(
    s3: Store, moto: S3Server, uploads: Callable[[Store], list[str]]
) -> None:
    other = open_store(f"{s3.uri}-other")
    for root in (s3, other):
        key = f"{prefix_of(root)}images/a.png"
        moto.admin().create_multipart_upload(Bucket=moto.bucket, Key=key)
    assert s3.remove_leftovers(OWN_NAMES, older_than_s=0) == 1
    assert uploads(s3) == []
    assert uploads(other) == ["images/a.png"]


def test_uploads_of_others_are_left_alone_where_the_root_holds_more_than_the_run(
    s3: Store, moto: S3Server, uploads: Callable[[Store], list[str]]
) -> None:
    strangers = ["backup.tar", "holidays/images/a.png", "planning/film.mov"]
    own = [
        "images/b.png",
        "metrics/shard-00000.parquet",
        "plan-round-1.parquet",
        ".srfleet-probe-1",
    ]
    for name in strangers + own:
        key = f"{prefix_of(s3)}{name}"
        moto.admin().create_multipart_upload(Bucket=moto.bucket, Key=key)
    assert s3.remove_leftovers(OWN_NAMES, older_than_s=0) == len(own)
    assert sorted(uploads(s3)) == strangers


class PagedUploads:
    """A server with two uploads per page; moto does not paginate, SeaweedFS returns no marker."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.client = self

    def send(self, request: Callable[[Any], Any]) -> Any:
        return request(self)

    def list_multipart_uploads(self, KeyMarker: str = "", **_: str) -> dict[str, Any]:  # noqa: N803
        left = [name for name in self.names if name > KeyMarker]
        uploads = [{"Key": n, "UploadId": f"id of {n}", "Initiated": LONG_AGO} for n in left[:2]]
        answer = {"Uploads": uploads, "IsTruncated": len(left) > 2}
        if len(left) > 2:
            answer |= {"NextKeyMarker": left[1], "NextUploadIdMarker": f"id of {left[1]}"}
        return answer

    def abort_multipart_upload(self, Key: str, UploadId: str, **_: str) -> None:  # noqa: N803
        assert UploadId == f"id of {Key}"
        self.names.remove(Key)


def test_unfinished_uploads_are_aborted_over_many_pages() -> None:
    server = PagedUploads([f"root/images/{number}.png" for number in range(5)])
    writes = Writes(server, "bucket")  # type: ignore[arg-type]
    assert writes.abort_uploads("root/", OWN_NAMES, datetime.now(UTC)) == 5
    assert server.names == []


@pytest.mark.slow
def test_an_upload_that_may_be_under_way_is_left_alone(
    seaweed: S3Server, monkeypatch: Environment
) -> None:
    set_environment(monkeypatch, seaweed.environment())  # moto dates all uploads to 2010
    store = open_store(f"s3://{seaweed.bucket}/{uuid.uuid4().hex}")
    key = f"{prefix_of(store)}images/a.png"
    seaweed.admin().create_multipart_upload(Bucket=seaweed.bucket, Key=key)
    assert store.remove_leftovers(OWN_NAMES) == 0
    assert unfinished(seaweed, store) == ["images/a.png"]
    assert store.remove_leftovers(OWN_NAMES, older_than_s=0) == 1
    assert unfinished(seaweed, store) == []


def test_an_object_that_never_comes_whole_fails_alone_within_its_deadline(
    s3: Store, proxy: FaultProxy
) -> None:
    s3.put_if_absent("a.jpg", b"0123456789" * 1000)
    proxy.inject(Fault.CUT_BODY, times=None, method="GET", where="a.jpg")
    with pytest.raises(StorageError) as caught:
        s3.read_object("a.jpg", deadline_s=0.5)
    assert caught.value.error_class is ErrorClass.NETWORK
    assert 2 < len(proxy.requests) < 500


def test_a_body_that_comes_too_slowly_meets_its_deadline(s3: Store, proxy: FaultProxy) -> None:
    s3.put_if_absent("a.jpg", b"x" * 5_000_000)
    proxy.inject(Fault.DRIP, times=None, method="GET")
    with pytest.raises(StorageError, match="came in time") as caught:
        s3.read_object("a.jpg", deadline_s=0.2)
    assert caught.value.error_class is ErrorClass.NETWORK
    assert len(proxy.requests) == 2


def test_a_throttled_object_fails_alone_after_bounded_attempts(
    s3: Store, proxy: FaultProxy, monkeypatch: Environment
) -> None:
    monkeypatch.setenv("SRFLEET_S3_DEADLINE_S", "0.2")
    store = open_store(s3.uri)
    proxy.inject(Fault.SLOW_DOWN, times=None, where="a.jpg")
    for call in every_call(store)[:5]:
        with pytest.raises(StorageError, match=r"SlowDown|503") as caught:
            call()
        assert caught.value.error_class is ErrorClass.NETWORK
    assert store.head("b.jpg") is None
    assert len(proxy.requests) < 5 * 200


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.STALL_BODY])
def test_a_stall_times_out_and_is_tried_again(
    s3: Store, proxy: FaultProxy, monkeypatch: Environment, fault: Fault
) -> None:
    s3.put_if_absent("a.jpg", b"0123456789" * 1000)
    monkeypatch.setenv("SRFLEET_S3_TIMEOUT_S", "0.3")
    impatient = open_store(s3.uri)
    proxy.inject(fault, method="GET")
    assert impatient.read("a.jpg") == b"0123456789" * 1000
    proxy.inject(fault, times=None, method="GET")
    with pytest.raises(StorageError, match="ReadTimeout") as caught:
        impatient.read("a.jpg", deadline_s=0.5)
    assert caught.value.error_class is ErrorClass.NETWORK


def test_no_more_requests_are_under_way_than_allowed(
    s3: Store, proxy: FaultProxy, monkeypatch: Environment
) -> None:
    s3.put_if_absent("a.jpg", b"x")
    monkeypatch.setenv("SRFLEET_S3_CONNECTIONS", "3")
    capped = open_store(s3.uri)
    proxy.inject(Fault.HOLD, times=None)
    with ThreadPoolExecutor(12) as pool:
        bodies = pool.map(lambda _: capped.read("a.jpg"), range(12))
        proxy.wait_for_in_flight(3)
        proxy.release()
        assert list(bodies) == [b"x"] * 12
    assert proxy.most_in_flight == 3


def test_a_throttled_request_gives_its_place_to_others(
    s3: Store, proxy: FaultProxy, monkeypatch: Environment
) -> None:
    monkeypatch.setenv("SRFLEET_S3_CONNECTIONS", "1")
    one = open_store(s3.uri)
    one.put_if_absent("b.jpg", b"other")
    proxy.inject(Fault.SLOW_DOWN, times=None, where="a.jpg")
    waiting = threading.Thread(target=one.put_if_absent, args=("a.jpg", b"x"))
    waiting.start()
    assert one.read("b.jpg") == b"other"
    proxy.heal()
    waiting.join(20)
    assert one.read("a.jpg") == b"x"


def test_a_range_that_the_server_ignores_is_cut_out_here(s3: Store, proxy: FaultProxy) -> None:
    s3.put_if_absent("a.jpg", b"0123456789")
    proxy.inject(Fault.IGNORE_RANGE, times=None, method="GET")
    assert s3.read("a.jpg", start=3, length=4) == b"3456"
    assert s3.read("a.jpg", start=8) == b"89"


def test_the_probe_finds_a_store_that_overwrites(s3: Store, proxy: FaultProxy) -> None:
    proxy.inject(Fault.IGNORE_CONDITION, times=None, method="PUT")
    assert s3.refuses_overwrites() is False
    proxy.heal()
    proxy.inject(Fault.IGNORE_CONDITION, times=None, method="POST", where="uploadId=")
    assert s3.refuses_overwrites() is False
    proxy.heal()
    assert list(s3.list()) == []


def test_the_probe_needs_no_right_to_delete_and_stays_out_of_listings(
    s3: Store, proxy: FaultProxy, moto: S3Server
) -> None:
    proxy.inject(Fault.DENIED, times=None, method="DELETE")
    assert s3.refuses_overwrites() is True
    assert list(s3.list()) == []
    prefix = prefix_of(s3)
    left = moto.admin().list_objects_v2(Bucket=moto.bucket, Prefix=prefix)["Contents"]
    assert len(left) == 1


def test_a_store_without_conditional_puts_is_told_from_one_that_is_busy(
    s3: Store, proxy: FaultProxy
) -> None:
    proxy.inject(Fault.NOT_IMPLEMENTED, times=None, method="PUT")
    with pytest.raises(ConfigurationError, match=r"NotImplemented: .*docs/storage\.md"):
        s3.put_if_absent("a.png", b"x")
    assert len(proxy.requests) == 1


def test_a_listing_that_is_denied_concerns_the_whole_store(s3: Store, proxy: FaultProxy) -> None:
    proxy.inject(Fault.DENIED, where="list-type=2")
    with pytest.raises(StorageUnavailableError, match="AccessDenied"):
        list(s3.list())


def test_folder_markers_are_no_objects(s3: Store, moto: S3Server) -> None:
    for key, body in (("", b""), ("a/", b""), ("a/b.jpg", b"x")):
        moto.admin().put_object(Bucket=moto.bucket, Key=prefix_of(s3) + key, Body=body)
    assert [info.key for info in s3.list()] == ["a/b.jpg"]


def test_denied_access_to_one_object_fails_that_object_alone(s3: Store, moto: S3Server) -> None:
    for key in ("forbidden/a.jpg", "b.jpg"):
        moto.admin().put_object(Bucket=moto.bucket, Key=prefix_of(s3) + key, Body=b"x")
    calls = (
        lambda: s3.head("forbidden/a.jpg"),
        lambda: s3.read("forbidden/a.jpg"),
        lambda: s3.put_if_absent("forbidden/b.jpg", b"x"),
        lambda: s3.put_if_absent("forbidden/b.jpg", BIG),
    )
    for call in calls:
        with pytest.raises(StorageError, match=r"AccessDenied.*docs/storage\.md") as caught:
            call()
        assert caught.value.error_class is ErrorClass.FORBIDDEN
    assert s3.read("b.jpg") == b"x"
    assert [info.key for info in s3.list()] == ["b.jpg", "forbidden/a.jpg"]


def assert_unavailable_without_secrets(store: Store, secrets: list[str], expected: str) -> None:
    for call in every_call(store):
        with pytest.raises(StorageUnavailableError, match=expected) as caught:
            call()
        told = "".join(traceback.format_exception(caught.value))
        assert not [secret for secret in secrets if secret in told]
        assert "\n" not in str(caught.value)


def test_expired_credentials_stop_the_store_and_no_message_holds_them(
    s3: Store, proxy: FaultProxy, moto: S3Server, monkeypatch: Environment
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-this-session")
    proxy.inject(Fault.EXPIRED, times=None)
    secrets = [moto.key, moto.secret, "token-of-this-session"]
    assert_unavailable_without_secrets(open_store(s3.uri), secrets, "ExpiredToken: renew")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "InvalidAccessKeyId"),
    ],
)
def test_wrong_credentials_stop_the_store(
    s3: Store, monkeypatch: Environment, variable: str, expected: str
) -> None:
    monkeypatch.setenv(variable, "WRONGWRONGWRONG12345")
    assert_unavailable_without_secrets(open_store(s3.uri), ["WRONGWRONGWRONG12345"], expected)


def test_missing_credentials_stop_the_store(s3: Store, monkeypatch: Environment) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    assert_unavailable_without_secrets(open_store(s3.uri), ["\0"], "set the AWS credentials")


def test_an_endpoint_that_does_not_answer_stops_the_store(
    s3: Store, moto: S3Server, monkeypatch: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultProxy(moto.endpoint) as closed:
        pass
    address = closed.endpoint.replace("http://", "http://user:hunter2@")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("SRFLEET_S3_DEADLINE_S", "0.5")
    with pytest.raises(StorageUnavailableError, match="check the network") as caught:
        open_store(s3.uri).head("a.jpg")
    assert "hunter2" not in str(caught.value)
    assert "trying again" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_missing_bucket_is_named_as_such(
    s3: Store, moto: S3Server, monkeypatch: Environment
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.admin_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.admin_secret)
    for call in every_call(open_store(f"s3://missing-{uuid.uuid4().hex}/p")):
        with pytest.raises(ConfigurationError, match="NoSuchBucket: create the bucket"):
            call()


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL", "not a url: hunter2")],
)
def test_an_unusable_configuration_is_told_without_quoting_addresses(
    s3: Store, monkeypatch: Environment, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        open_store(s3.uri).head("a.jpg")
    assert isinstance(caught.value, SrfleetError)
    assert "hunter2" not in str(caught.value)


def test_a_key_too_long_with_its_prefix_is_refused(s3: Store) -> None:
    key = "x" * 1000
    with pytest.raises(SrfleetError, match="too long") as caught:
        s3.read(key)
    assert getattr(caught.value, "error_class", None) is ErrorClass.KEY_REJECTED
