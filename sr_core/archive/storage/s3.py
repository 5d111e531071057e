"""A store in S3, or in a service with the same API."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa
from botocore.exceptions import ClientError

from sr_core.archive.storage.keys import RESERVED, check_key, is_reserved, printable
from sr_core.archive.storage.ranged import RangedFile
from sr_core.archive.storage.s3_errors import code_of, status_of
from sr_core.archive.storage.s3_requests import Requests, body_of
from sr_core.archive.storage.s3_writes import Writes
from sr_core.archive.storage.settings import S3Settings
from sr_core.archive.storage.store import LEFTOVER_AGE_S, ObjectInfo
from sr_core.errors import ErrorClass, ImageError, StorageError
from sr_core.scratch import Blob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, HeadObjectOutputTypeDef

_LONGEST_KEY_BYTES = 1024
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
_DIRECTORY_BUCKET = "--x-s3"  # how the names of S3 Express buckets end


class S3Store:
    """Objects under a prefix of a bucket. See `Store` for the contract."""

    local_path = None
    keeps_metadata = True

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        """Set the root; no connection is made before the first request.

        Args:
            bucket: name of the bucket.
            prefix: without slashes at its ends; empty for the whole bucket.
            settings: timeouts, retries and parallelism.
        """
        self.uri = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._settings = settings
        self._requests = Requests(settings)
        self._writes = Writes(self._requests, bucket)
        self._bucket_seen = False

    def __reduce__(self) -> tuple[type[S3Store], tuple[str, str, S3Settings]]:
        """Pickle only the address; the other process makes its own connections."""
        return type(self), (self._bucket, self._prefix.rstrip("/"), self._settings)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield objects in the order of their keys.

        Amazon's general purpose buckets list in key order. Others (directory buckets, SeaweedFS)
        may not, so their listing is held in memory and sorted, at about 350 bytes per object.
        """
        with self._explaining("list", prefix, whole_store=True):
            in_order = self._lists_by_key()
        listed = self._listed(prefix)
        yield from listed if in_order else sorted(listed, key=attrgetter("key"))

    def _lists_by_key(self) -> bool:
        host = urlsplit(self._requests.client.meta.endpoint_url).hostname or ""
        return host.endswith(_AMAZON) and not self._bucket.endswith(_DIRECTORY_BUCKET)

    def _listed(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield objects in the order of the server."""
        token: dict[str, str] = {}
        while True:
            with self._explaining("list", prefix, whole_store=True):
                page = self._requests.send(
                    lambda s3, token=token: s3.list_objects_v2(  # type: ignore[misc]
                        Bucket=self._bucket, Prefix=self._prefix + prefix, **token
                    )
                )
            for item in page.get("Contents", []):
                key, size = item["Key"][len(self._prefix) :], item["Size"]
                is_folder_marker = size == 0 and (not key or key.endswith("/"))
                if not is_folder_marker and not is_reserved(key):
                    etag = item["ETag"].strip('"')
                    yield ObjectInfo(key, size, etag, item["LastModified"].astimezone(UTC))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def head(self, key: str) -> ObjectInfo | None:
        """Describe an object without reading it; None if it does not exist."""
        answer = self._head(key)
        return None if answer is None else _info(key, answer)

    def metadata(self, key: str) -> dict[str, str]:
        """Return the user metadata of an object."""
        answer = self._head(key)
        if answer is None:
            message = f"cannot look up {self.uri}/{key}: there is no such object"
            raise StorageError(ErrorClass.NOT_FOUND, message)
        return dict(answer["Metadata"])

    def read(
        self,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        deadline_s: float | None = None,
    ) -> bytes:
        """Read a part of an object, fewer bytes only at its end."""
        if start == 0 and length is None:
            return self.read_object(key, deadline_s=deadline_s)[0]  # comes with a checksum
        end = "" if length is None else start + max(length, 1) - 1  # no range holds zero bytes
        with self._explaining("read", key):
            try:
                body, answer = self._get(key, deadline_s, Range=f"bytes={start}-{end}")
            except ClientError as error:
                if status_of(error) == 416:  # the range starts at or after the end
                    return b""
                raise
        if answer["ResponseMetadata"]["HTTPStatusCode"] != 206:  # the whole object came
            body = body[start:]
        return body if length is None else body[:length]

    def read_object(
        self, key: str, *, max_bytes: int | None = None, deadline_s: float | None = None
    ) -> tuple[bytes, ObjectInfo]:
        """Read a whole object together with the etag of exactly these bytes."""
        with self._explaining("read", key):
            body, answer = self._get(key, deadline_s, max_bytes)
        return body, _info(key, answer)

    def put_if_absent(
        self, key: str, data: Blob, metadata: Mapping[str, str] | None = None
    ) -> bool:
        """Write an object unless its key exists."""
        name = self._name(key)
        with self._explaining("write", key):
            return self._writes.put(name, data, metadata or {})

    def replace(self, key: str, data: Blob) -> None:
        """Write or overwrite an object."""
        name = self._name(key)
        with self._explaining("write", key):
            self._writes.overwrite(name, data)

    def arrow_file(self, key: str) -> pa.NativeFile:
        """Open an object for pyarrow; ranges are read with this store's retries."""
        return pa.PythonFile(RangedFile(self, key), mode="r")

    def refuses_overwrites(self) -> bool:
        """Put a probe twice, and once more in parts; all but the first must be refused."""
        key = f"{RESERVED}probe-{uuid.uuid4().hex}"
        name = self._prefix + key
        with self._explaining("write", key):
            try:
                self._writes.put(name, b"first", {})
                again = self._writes.put(name, b"second", {})
                return not (again or self._writes.put_in_parts(name, b"third", {}))
            finally:
                self._writes.delete(name)

    def remove_leftovers(
        self, prefixes: Sequence[str], *, older_than_s: float = LEFTOVER_AGE_S
    ) -> int:
        """Abort unfinished uploads; none if the credentials may not list them."""
        begun_before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        with self._explaining("abort unfinished uploads to", ""):
            return self._writes.abort_uploads(self._prefix, (*prefixes, RESERVED), begun_before)

    def _name(self, key: str) -> str:
        """Check a key and return its full name in the bucket."""
        check_key(key)
        name = self._prefix + key
        if len(name.encode()) > _LONGEST_KEY_BYTES:
            message = f"the key {printable(key)} is too long for {self.uri}"
            raise ImageError(ErrorClass.KEY_REJECTED, message)
        return name

    def _explaining(
        self, verb: str, key: str, *, whole_store: bool = False
    ) -> AbstractContextManager[None]:
        action = f"{verb} {self.uri}/{key}".rstrip("/")
        return self._requests.explaining(action, whole_store=whole_store)

    def _head(self, key: str) -> HeadObjectOutputTypeDef | None:
        name = self._name(key)
        with self._explaining("look up", key):
            try:
                return self._requests.send(lambda s3: s3.head_object(Bucket=self._bucket, Key=name))
            except ClientError as error:
                missing = status_of(error) == 404
                if not (missing and self._bucket_seen):
                    self._ask_why(name)
                if missing:
                    return None
                raise

    def _ask_why(self, name: str) -> None:
        """Read one byte after a refused HEAD, whose answer has no body that gives the reason.

        Raises: ClientError with S3's code, such as NoSuchBucket, ExpiredToken or AccessDenied.
        """
        try:
            self._requests.send(
                lambda s3: s3.get_object(Bucket=self._bucket, Key=name, Range="bytes=0-0")
            )["Body"].close()
        except ClientError as error:
            # A bare 404 is an answer whose body, which gives the reason, was truncated.
            if code_of(error) not in ("NoSuchKey", "InvalidRange", "404"):
                raise
        self._bucket_seen = True

    def _get(
        self, key: str, deadline_s: float | None, max_bytes: int | None = None, **parameters: str
    ) -> tuple[bytes, GetObjectOutputTypeDef]:
        name = self._name(key)
        patience_s = self._settings.deadline_s if deadline_s is None else deadline_s
        until = time.monotonic() + patience_s

        def request(s3: S3Client) -> tuple[bytes, GetObjectOutputTypeDef]:
            answer = s3.get_object(Bucket=self._bucket, Key=name, **parameters)  # type: ignore[arg-type]
            if max_bytes is not None and answer["ContentLength"] > max_bytes:
                answer["Body"].close()
                message = f"{self.uri}/{key} has {answer['ContentLength']} bytes, over {max_bytes}"
                raise StorageError(ErrorClass.TOO_LARGE, message)
            return body_of(answer, until), answer

        return self._requests.send(request, deadline_s=patience_s)


def _info(key: str, answer: GetObjectOutputTypeDef | HeadObjectOutputTypeDef) -> ObjectInfo:
    etag = answer["ETag"].strip('"')
    modified = answer["LastModified"].astimezone(UTC)
    return ObjectInfo(key, answer["ContentLength"], etag, modified)
