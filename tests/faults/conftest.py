"""Fixtures for runs from S3 to S3: a moto server behind a proxy, and four photographs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from tests.integration.storage.conftest import set_environment
from tests.support.photographs import write_photographs
from tests.support.s3_run import KEYS, put_behind_its_back
from tests.support.servers import FaultProxy, S3Server, moto_server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """Start moto, and let the SDK parse its models once instead of for each of many clients."""
    parsed = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch, moto_server() as server:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: parsed(path))
        yield server


@pytest.fixture
def proxy(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    with FaultProxy(moto.endpoint) as proxy:
        set_environment(monkeypatch, moto.environment(proxy.endpoint))
        yield proxy


@pytest.fixture
def s3_job(moto: S3Server, proxy: FaultProxy, tmp_path: Path) -> JobConfig:
    """Create a job of four photographs in a prefix of their own, in shards of two."""
    place = f"s3://{moto.bucket}/{uuid.uuid4().hex}"
    write_photographs(tmp_path, len(KEYS))
    for key in KEYS:
        put_behind_its_back(moto, f"{place}/photos/{key}", (tmp_path / key).read_bytes())
    return JobConfig(
        source=f"{place}/photos",
        output=f"{place}/out",
        run=RunConfig(model="nearest", measure=False),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=2),
    )
