"""Object keys: the checks that a key must pass before anything is read or written under it."""

from __future__ import annotations

import re

from sr_core.errors import ErrorClass, ImageError

RESERVED = ".srfleet-"
"""Prefix of the names that a store keeps for its own files; they are never objects."""

_MAX_BYTES = 1024  # of UTF-8; the limit of S3
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[/\\]")
_REPLACED = re.compile("\ufffd<[0-9A-F]{2}>")
_SEPARATOR = re.compile(r"[/\\]")


def check_key(key: str) -> None:
    """Reject a key that could mean anything but one object under its root.

    A key is relative, with "/" between its parts. These checks treat a backslash as a separator
    too, although it is an ordinary character on POSIX and S3: a key that is safe here must be safe
    on other systems as well.

    Raises: ImageError (key_rejected) with the reason.
    """
    if problem := _problem(key):
        raise ImageError(ErrorClass.KEY_REJECTED, f"the key {printable(key)} {problem}")


def printable(key: str) -> str:
    """Quote a key for a message, with control characters escaped, cut after 200 characters."""
    return repr(key) if len(key) <= 200 else repr(key[:200]) + "..."


def key_of_name(name: str) -> str:
    """Turn a file name into a part of a key that can be stored as text.

    Bytes that are not UTF-8 (surrogates here, as `os.fsdecode` leaves them) become U+FFFD and
    their value, as in "caf\ufffd<E9>.jpg". `check_key` rejects those, so that such a file gets a
    row with its name instead of vanishing.
    """
    return _SURROGATE.sub(lambda match: f"\ufffd<{ord(match[0]) & 0xFF:02X}>", name)


def is_reserved(key: str) -> bool:
    """Return True if a key belongs to the store itself: temporaries, probes, locks."""
    return key.startswith(RESERVED) or f"/{RESERVED}" in key


def _problem(key: str) -> str | None:
    parts = _SEPARATOR.split(key)
    problems = (
        (not key, "is empty"),
        (_SURROGATE.search(key), "is not valid Unicode"),
        (_REPLACED.search(key), "is a file whose name is not UTF-8: rename the file"),
        (_CONTROL.search(key), "contains control characters"),
        (_SCHEME.match(key), "is a URL or names a drive: keys are relative to the root"),
        ("::" in key, "contains '::', which chains URLs"),
        (key.startswith("~"), "starts with '~', which means a home folder"),
        (not parts[0], "is absolute: keys are relative to the root"),
        (".." in parts, "contains '..'"),
        ("." in parts, "contains a '.' part"),
        ("" in parts, "contains an empty part"),
        (any(part.startswith(RESERVED) for part in parts), f"uses a name in {RESERVED}*"),
        (len(key.encode("utf-8", "replace")) > _MAX_BYTES, f"is over {_MAX_BYTES} bytes long"),
    )
    return next((text for wrong, text in problems if wrong), None)
