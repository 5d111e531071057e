"""Conditional writes to a bucket, in one put or in parts, and their leftovers."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sr_core.archive.storage.s3_errors import S3_ERRORS, code_of, status_of
from sr_core.archive.storage.s3_requests import Requests
from sr_core.scratch import Blob

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, MultipartUploadTypeDef

_SLOWEST_UPLOAD = 1 << 20  # bytes/s; large bodies get a deadline that this rate can meet
_DENIED = ("AccessDenied", "NotImplemented")


class Writes:
    """Writes objects of one bucket. Names are full keys; raises S3_ERRORS, unexplained."""

    def __init__(self, requests: Requests, bucket: str) -> None:
        self._requests = requests
        self._bucket = bucket

    def put(self, name: str, data: Blob, metadata: Mapping[str, str]) -> bool:
        """Put an object, in parts if it is large; return False if it exists."""
        if len(data) > self._requests.settings.part_bytes:
            return self.put_in_parts(name, data, metadata)
        return _unless_exists(
            lambda: self._requests.send(
                lambda s3: s3.put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=data[:],
                    IfNoneMatch="*",
                    Metadata=metadata,
                    ContentType=_content_type(name),
                ),
                deadline_s=self._deadline_s(data),
            )
        )

    def put_in_parts(self, name: str, data: Blob, metadata: Mapping[str, str]) -> bool:
        """Upload in parts, with the condition on the completion; return False if it exists.

        Parts are retried one by one. After a completion that failed or whose answer was lost the
        upload starts anew, as S3 requires after a 409; if it had succeeded, the new one is refused.
        """
        return _unless_exists(
            lambda: self._requests.persist(
                lambda: self._upload(name, data, metadata), deadline_s=self._deadline_s(data)
            )
        )

    def overwrite(self, name: str, data: Blob) -> None:
        """Put an object, overwriting an existing one."""
        self._requests.send(
            lambda s3: s3.put_object(
                Bucket=self._bucket, Key=name, Body=data[:], ContentType=_content_type(name)
            )
        )

    def delete(self, name: str) -> None:
        """Delete an object; leave it if the credentials may not delete."""
        try:
            self._requests.send(lambda s3: s3.delete_object(Bucket=self._bucket, Key=name))
        except ClientError as error:
            if code_of(error) not in _DENIED:
                raise

    def abort_uploads(self, root: str, names: Sequence[str], begun_before: datetime) -> int:
        """Abort unfinished uploads of objects below a root, and count them.

        None is aborted if the credentials may not list them.

        Args:
            root: prefix of the root, which may be empty: the whole bucket.
            names: beginnings of names below the root; uploads of others are left alone.
            begun_before: later uploads may be under way.
        """
        own = tuple(f"{root}{name}" for name in names)
        try:
            uploads = list(self._unfinished_uploads(root))
        except ClientError as error:
            if code_of(error) in _DENIED:
                return 0
            raise
        old = [
            item
            for item in uploads
            if item["Key"].startswith(own) and item["Initiated"] <= begun_before
        ]
        for item in old:
            self._abort(item["Key"], item["UploadId"])
        return len(old)

    def _unfinished_uploads(self, prefix: str) -> Iterator[MultipartUploadTypeDef]:
        marker: dict[str, str] = {}
        while True:
            page = self._requests.send(
                lambda s3, marker=marker: s3.list_multipart_uploads(  # type: ignore[misc]
                    Bucket=self._bucket, Prefix=prefix, **marker
                )
            )
            yield from page.get("Uploads", [])
            if not (page.get("IsTruncated") and page.get("NextKeyMarker")):
                return  # SeaweedFS may announce another page without a marker
            marker = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    def _upload(self, name: str, data: Blob, metadata: Mapping[str, str]) -> None:
        upload = self._requests.send(
            lambda s3: s3.create_multipart_upload(
                Bucket=self._bucket, Key=name, Metadata=metadata, ContentType=_content_type(name)
            )
        )["UploadId"]
        size = self._requests.settings.part_bytes
        try:
            parts = [
                self._upload_part(name, upload, number, data[start : start + size])
                for number, start in enumerate(range(0, len(data), size), start=1)
            ]
            self._requests.client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=name,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )
        except BaseException:  # Ctrl-C too: parts of an unfinished upload are invisible but billed
            with suppress(*S3_ERRORS):
                self._abort(name, upload)
            raise

    def _upload_part(
        self, name: str, upload: str, number: int, data: bytes
    ) -> CompletedPartTypeDef:
        answer = self._requests.send(
            lambda s3: s3.upload_part(
                Bucket=self._bucket, Key=name, UploadId=upload, PartNumber=number, Body=data
            )
        )
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def _abort(self, name: str, upload: str) -> None:
        self._requests.client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)

    def _deadline_s(self, data: Blob) -> float:
        return max(self._requests.settings.deadline_s, len(data) / _SLOWEST_UPLOAD)


def _unless_exists(write: Callable[[], object]) -> bool:
    try:
        write()
    except ClientError as error:
        if status_of(error) == 412:  # the code is lost if the body is truncated
            return False
        raise
    return True


def _content_type(name: str) -> str:
    """Return the content type, so that browsers show images and reports from a bucket."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
