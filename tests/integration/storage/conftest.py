"""Stores on real disks and real S3 servers; each test has a root of its own."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sr_core.archive.storage import Store, open_store
from tests.support.servers import FaultProxy, S3Server, moto_server, seaweed_server

PART_BYTES = 5 << 20


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweed_server(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hard links fail as on FAT and exFAT, which cannot be mounted everywhere."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture(
    params=[
        "local",
        "local-without-hard-links",
        "moto",
        pytest.param("seaweed", marks=pytest.mark.slow),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Open an empty root on each kind of store."""
    kind: str = request.param
    if kind.startswith("local"):
        if kind != "local":
            request.getfixturevalue("no_hard_links")
        return open_store(str(tmp_path / "root"))
    server: S3Server = request.getfixturevalue(kind)
    set_environment(monkeypatch, server.environment())
    return open_store(f"s3://{server.bucket}/{uuid.uuid4().hex}/root")


@pytest.fixture
def proxy(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Put a proxy in front of moto and shorten the store's timeouts."""
    with FaultProxy(moto.endpoint) as proxy:
        set_environment(monkeypatch, moto.environment(proxy.endpoint))
        yield proxy


@pytest.fixture
def s3(moto: S3Server, proxy: FaultProxy) -> Store:
    """Open an empty root behind the proxy."""
    return open_store(f"s3://{moto.bucket}/{uuid.uuid4().hex}")


@pytest.fixture
def uploads(moto: S3Server) -> Callable[[Store], list[str]]:
    """Return a function that lists the keys of unfinished uploads, as the bucket's owner."""
    return lambda store: unfinished(moto, store)


def unfinished(server: S3Server, store: Store) -> list[str]:
    prefix = prefix_of(store)
    found = server.admin().list_multipart_uploads(Bucket=server.bucket, Prefix=prefix)
    return [upload["Key"].removeprefix(prefix) for upload in found.get("Uploads", [])]


def prefix_of(store: Store) -> str:
    return store.uri.removeprefix("s3://").partition("/")[2] + "/"


def set_environment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    quick = {
        "SRFLEET_S3_FIRST_WAIT_S": "0.01",
        "SRFLEET_S3_LONGEST_WAIT_S": "0.05",
        "SRFLEET_S3_TIMEOUT_S": "10",
        "SRFLEET_S3_PART_BYTES": str(PART_BYTES),
    }
    for name, value in {**environment, **quick}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
