"""Checks of runs on S3: rows, and the invariants of the root."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.audit.verify.findings import Severity
from sr_core.config import JobConfig
from tests.support.servers import FaultProxy, S3Server
from tests.support.small_run import contents

KEYS = ["000.png", "001.jpg", "002.png", "003.jpg"]

Rows = dict[str, dict[str, Any]]


def rows(job: JobConfig, proxy: FaultProxy) -> Rows:
    """Heal all faults, check every promise of a run, and return its latest rows by key."""
    proxy.heal()
    root = open_store(job.output)
    assert verify_run(root) == []
    found = Ledger(root).latest_rows(METRICS_SCHEMA.names).to_pylist()
    by_key = {row["key"]: row for row in found}
    assert len(by_key) == len(found)
    assert by_key.keys() >= set(KEYS)
    return by_key


def statuses(found: Rows) -> dict[str, int]:
    """Count rows by error class, or by status if they have none."""
    return dict(Counter(row["error_class"] or row["status"] for row in found.values()))


def check_no_harm(job: JobConfig, proxy: FaultProxy) -> dict[str, bytes]:
    """Check that a stopped run broke no promise, and return the objects that it left."""
    proxy.heal()
    root = open_store(job.output)
    if Ledger(root).run() is not None:
        assert [each for each in verify_run(root) if each.severity is Severity.ERROR] == []
    return contents(root)


def put_behind_its_back(server: S3Server, uri: str, data: bytes, **metadata: str) -> None:
    """Put an object at its full address, as another party would."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    server.admin().put_object(Bucket=bucket, Key=key, Body=data, Metadata=metadata)
