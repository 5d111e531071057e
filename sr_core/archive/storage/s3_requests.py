"""Requests to S3: one client per process, a concurrency limit, retries, explained errors."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config

from sr_core.archive.storage.retrying import retry
from sr_core.archive.storage.s3_errors import (
    S3_ERRORS,
    CutBodyError,
    code_of,
    explain,
    is_transient,
    is_unreachable,
)
from sr_core.archive.storage.settings import S3Settings
from sr_core.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

T = TypeVar("T")

_CHUNK_BYTES = 64 << 10  # small, so that the deadline of a slow body is checked often
_log = logging.getLogger(__name__)


class Requests:
    """Sends requests for all threads of a process."""

    def __init__(self, settings: S3Settings) -> None:
        self.settings = settings
        self._slots = threading.BoundedSemaphore(settings.connections)

    @cached_property
    def client(self) -> S3Client:
        """The SDK's client, configured by the usual AWS environment and files.

        The SDK's own retries are off: it does not know our deadlines and does not retry truncated
        bodies.
        """
        config = Config(
            connect_timeout=self.settings.timeout_s,
            read_timeout=self.settings.timeout_s,
            max_pool_connections=self.settings.connections,
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        try:
            return boto3.session.Session().client("s3", config=config)
        except ValueError as error:  # its text quotes the URL, which may hold a password
            raise ConfigurationError("AWS_ENDPOINT_URL or the region is not valid") from error

    def send(self, request: Callable[[S3Client], T], *, deadline_s: float | None = None) -> T:
        """Send a request until it succeeds, fails permanently, or the deadline has passed.

        The concurrency limit counts running requests, not those that wait for another attempt.

        Raises: one of S3_ERRORS, for `explaining` to explain.
        """
        client = self.client  # loading the SDK's models must not count towards the deadline

        def attempt() -> T:
            with self._slots:
                return request(client)

        return self.persist(attempt, deadline_s=deadline_s)

    def persist(self, attempt: Callable[[], T], *, deadline_s: float | None = None) -> T:
        """Repeat an attempt that sends its requests itself."""
        return retry(
            attempt,
            is_transient=is_transient,
            deadline_s=self.settings.deadline_s if deadline_s is None else deadline_s,
            first_wait_s=self.settings.first_wait_s,
            longest_wait_s=self.settings.longest_wait_s,
            on_wait=_log_wait,
        )

    @contextmanager
    def explaining(self, action: str, *, whole_store: bool = False) -> Iterator[None]:
        """Turn S3's errors into those of this project.

        Args:
            action: what was tried, for the message: "read s3://bucket/key".
            whole_store: an error concerns the store, not one object.
        """
        try:
            yield
        except S3_ERRORS as error:
            raise explain(error, action, whole_store=whole_store) from error


def body_of(answer: GetObjectOutputTypeDef, until: float) -> bytes:
    """Read the whole body of an answer until `until`, a time of `time.monotonic`.

    Raises: CutBodyError if it ends early or comes too slowly.
    """
    announced = answer["ContentLength"]
    buffer = io.BytesIO()
    with closing(answer["Body"]) as body:
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            buffer.write(chunk)
            if buffer.tell() < announced and time.monotonic() > until:
                raise CutBodyError(f"{buffer.tell()} of {announced} bytes came in time")
    if buffer.tell() != announced:  # checked by the SDK too; a truncated body must never pass
        raise CutBodyError(f"the body ended after {buffer.tell()} of {announced} bytes")
    return buffer.getvalue()


def _log_wait(error: BaseException, wait_s: float) -> None:
    # An unreachable endpoint needs attention; a throttled request does not.
    level = logging.WARNING if is_unreachable(error) else logging.INFO
    said = code_of(error) or type(error).__name__
    _log.log(level, "S3: %s; trying again in %.1f s", said, wait_s)
