"""S3 errors, sorted into transient ones and those of an object, the store or its configuration."""

from __future__ import annotations

from typing import TypeGuard

from botocore import exceptions as aws
from urllib3.exceptions import HTTPError

from sr_core.errors import (
    ConfigurationError,
    ErrorClass,
    SrfleetError,
    StorageError,
    StorageUnavailableError,
)


class CutBodyError(Exception):
    """A body was shorter than announced, or came too slowly."""


S3_ERRORS = (aws.ClientError, aws.BotoCoreError, HTTPError, CutBodyError)
"""Errors of requests that this module explains."""

_CONNECTION = (aws.ConnectionError, aws.ConnectionClosedError)
_TRANSIENT = (
    *_CONNECTION,
    aws.HTTPClientError,
    aws.IncompleteReadError,
    aws.ChecksumError,
    aws.FlexibleChecksumError,
    HTTPError,
    CutBodyError,
)
_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.TokenRetrievalError,
    aws.NoAuthTokenError,
    aws.SSOError,
    aws.LoginError,
    aws.MetadataRetrievalError,
)

_TRANSIENT_CODES = {
    "BadDigest",
    "ConditionalRequestConflict",  # 409: another conditional write of this key is under way
    "IncompleteBody",
    "OperationAborted",
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "XAmzContentChecksumMismatch",
}
_RENEW = "renew the credentials, then run the same command again"
_REGION = "set AWS_REGION to the region of the bucket"
_STORE_CODES = {
    "AccountProblem": "the account is suspended or has a problem",
    "AuthFailure": _RENEW,
    "ExpiredToken": _RENEW,
    "ExpiredTokenException": _RENEW,
    "InvalidAccessKeyId": _RENEW,
    "InvalidToken": _RENEW,
    "NotSignedUp": "the account is not signed up for S3",
    "QuotaExceeded": "the store is full: make room, then run the same command again",
    "RequestExpired": _RENEW,
    "RequestTimeTooSkewed": "correct the clock of this machine",
    "SignatureDoesNotMatch": "check AWS_SECRET_ACCESS_KEY and the region",
    "TokenRefreshRequired": _RENEW,
    "XMinioStorageFull": "the store is full: make room, then run the same command again",
}
_CONFIGURATION_CODES = {
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "InvalidBucketName": "correct the name of the bucket",
    "NoSuchBucket": "create the bucket or correct its name",
    "NotImplemented": "the store lacks something srfleet needs, see docs/storage.md",
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "501": "the store lacks something srfleet needs, see docs/storage.md",
}
_OBJECT_CODES = {
    "AccessDenied": (ErrorClass.FORBIDDEN, "access is denied: see the policy in docs/storage.md"),
    "EntityTooLarge": (ErrorClass.TOO_LARGE, "the store takes no object of this size"),
    "InvalidObjectState": (ErrorClass.FORBIDDEN, "it is in cold storage: restore it first"),
    "KeyTooLongError": (ErrorClass.KEY_REJECTED, "the key is too long for the store"),
    "NoSuchKey": (ErrorClass.NOT_FOUND, "there is no such object"),
}


def code_of(error: BaseException) -> str:
    """Return S3's error code, such as "NoSuchKey", or the status, "404", if there is no body."""
    return str(error.response["Error"].get("Code", "")) if _answered(error) else ""


def status_of(error: BaseException) -> int:
    """Return the HTTP status of an answer; 0 if there was none."""
    if not _answered(error):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_transient(error: BaseException) -> bool:
    """Return True if the same request may succeed later."""
    if not _answered(error):
        return isinstance(error, _TRANSIENT)
    code, status = code_of(error), status_of(error)
    if code in _STORE_CODES or code in _CONFIGURATION_CODES:
        return False
    return code in _TRANSIENT_CODES or status == 429 or (status >= 500 and status != 507)


def is_unreachable(error: BaseException) -> bool:
    """Return True if no connection could be made or kept."""
    return isinstance(error, _CONNECTION)


def explain(error: BaseException, action: str, *, whole_store: bool = False) -> SrfleetError:
    """Turn an error of a request into an error of this project.

    Only S3's code is quoted, never its message or an address, which can contain credentials.

    Args:
        error: one of S3_ERRORS.
        action: what was tried, for the message: "read s3://bucket/a.jpg".
        whole_store: a refusal concerns the store, not one object (listing).
    """
    cannot = f"cannot {action}"
    if isinstance(error, _CREDENTIALS):
        remedy = "set the AWS credentials of this machine (docs/storage.md)"
        return StorageUnavailableError(f"{cannot}: {type(error).__name__}: {remedy}")
    if is_unreachable(error):
        remedy = "check the network, AWS_ENDPOINT_URL and AWS_REGION"
        name = type(error).__name__
        return StorageUnavailableError(
            f"{cannot}: the S3 endpoint does not answer ({name}): {remedy}"
        )
    if isinstance(error, CutBodyError):
        return StorageError(ErrorClass.NETWORK, f"{cannot}: {error}")
    if not _answered(error):
        if is_transient(error):
            return StorageError(ErrorClass.NETWORK, f"{cannot}: {type(error).__name__}")
        return ConfigurationError(f"{cannot}: the AWS configuration is wrong: {error}")
    return _explain_answer(code_of(error), status_of(error), cannot, whole_store=whole_store)


def _explain_answer(code: str, status: int, cannot: str, *, whole_store: bool) -> SrfleetError:
    said = f"{cannot}: S3 answered {code or status}"
    if code in _CONFIGURATION_CODES:
        return ConfigurationError(f"{said}: {_CONFIGURATION_CODES[code]}")
    if code in _STORE_CODES or status == 507:
        return StorageUnavailableError(f"{said}: {_STORE_CODES.get(code, 'the store is full')}")
    if status in (401, 403) and code not in _OBJECT_CODES:
        code = "AccessDenied"
    if status == 404 and code not in _OBJECT_CODES:
        code = "NoSuchKey"
    error_class, remedy = _OBJECT_CODES.get(
        code, (ErrorClass.NETWORK, "no other answer came in time")
    )
    if whole_store:
        return StorageUnavailableError(f"{said}: {remedy}")
    return StorageError(error_class, f"{said}: {remedy}")


def _answered(error: BaseException) -> TypeGuard[aws.ClientError]:
    return isinstance(error, aws.ClientError)
