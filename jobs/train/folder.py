"""Output of a training: a folder, or an S3 prefix mirrored by a temporary folder."""

from __future__ import annotations

import fcntl
import json
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import IO, Self

from sr_core.archive.storage import Store, open_store
from sr_core.errors import ConfigurationError

_SETTINGS = "train.json"
_WRITER = "writer"
_LOCK = ".lock"
_BEFORE_A_STEP = (_SETTINGS, _WRITER, _LOCK)
"""Keys that exist in OUT before the first step."""
_RESUMED_FROM = (".pt", ".safetensors", ".jsonl")
_LOCK_PATIENCE_S = 10.0
"""The lock of a killed worker is released a moment later."""
_SLOWEST_BYTES_PER_S = 1 << 20


def begin(
    output: str, settings: Mapping[str, object], defaults: Mapping[str, object] | None = None
) -> None:
    """Store the settings of a training in OUT, or check that they are those stored there.

    Args:
        output: a folder or s3:// prefix; a new one must be empty.
        settings: JSON values; mappings and lists may be nested.
        defaults: values of settings that OUT lacks if an earlier version began it, by name.

    Raises: ConfigurationError that names the differences.
    """
    store = open_store(output)
    text = json.dumps(settings, indent=1, sort_keys=True)
    others = [found.key for found in islice(store.list(), 9) if found.key not in _BEFORE_A_STEP]
    if store.head(_SETTINGS) is None:
        if others:
            raise ConfigurationError(
                f"{output} holds other files, such as {others[0]}, but no training: give a new OUT"
            )
        if store.put_if_absent(_SETTINGS, text.encode()):
            return
    begun = dict(_flattened(json.loads(store.read_object(_SETTINGS)[0])))
    now = dict(_flattened(json.loads(text)))
    for key in now.keys() - begun.keys():
        name = key.rpartition(".")[2]
        if defaults and name in defaults:
            begun[key] = defaults[name]
    differing = [key for key in sorted(begun | now) if begun.get(key) != now.get(key)]
    if not others:  # the training has not begun
        store.replace(_SETTINGS, text.encode())
    elif differing:
        changes = [f"{key} was {begun.get(key)}, is {now.get(key)}" for key in differing[:3]]
        more = f", and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise ConfigurationError(
            f"{output} holds a training with other settings: {'; '.join(changes)}{more}. Give "
            "another OUT, or the same settings to resume"
        )


def standing(output: str) -> dict[str, str]:
    """Return the etags of the states and checkpoints in OUT, which change with progress."""
    listed = open_store(output).list()
    return {found.key: found.etag for found in listed if _is_resumed_from(found.key)}


class TrainingFolder:
    """The files of a training; a context manager.

    `path` is a local folder. For S3 it is a temporary copy: the files that a training resumes from
    are fetched at the start, and `publish` uploads a file.

    Only one process writes. On disk a kernel lock refuses a second one. On S3 a dead writer cannot
    be distinguished from a slow one, so the second takes over: the first notices before its next
    upload, and ends.
    """

    path: Path

    def __init__(self, output: str, *, writes: bool) -> None:
        """Use OUT, after `begin`; `writes` is True for the only process that writes."""
        self._store: Store = open_store(output)
        self._writes = writes
        self._token = uuid.uuid4().hex.encode()

    def __enter__(self) -> Self:
        if self._writes and self._store.head(_SETTINGS) is None:
            raise ConfigurationError(
                f"{self._store.uri} is not the folder that the command opened: on several "
                "machines OUT must be a folder that they share, or an s3:// prefix"
            )
        with ExitStack() as end:
            if self._writes and self._store.local_path is not None:
                self.path = self._store.local_path
                _lock(end.enter_context((self.path / _LOCK).open("w")), self.path)
            else:
                temporary = tempfile.TemporaryDirectory(prefix="srfleet-train-")
                self.path = Path(end.enter_context(temporary))
                if self._writes:
                    self._store.replace(_WRITER, self._token)
                    self._fetch()
            self._end = end.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()

    @property
    def uri(self) -> str:
        """URI of OUT."""
        return self._store.uri

    def publish(self, file: Path) -> None:
        """Upload a file of `path` to OUT.

        Raises: ConfigurationError if another training took over.
        """
        if self._store.local_path is not None:
            return
        if self._store.read_object(_WRITER)[0] != self._token:
            raise ConfigurationError(f"another training took over {self._store.uri}; this one ends")
        self._store.replace(file.relative_to(self.path).as_posix(), file.read_bytes())

    def _fetch(self) -> None:
        for found in list(self._store.list()):
            if _is_resumed_from(found.key):
                patience_s = 120 + found.size_bytes / _SLOWEST_BYTES_PER_S
                data, _ = self._store.read_object(found.key, deadline_s=patience_s)
                (self.path / found.key).write_bytes(data)


def _lock(file: IO[str], folder: Path) -> None:
    end = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= end:
                raise ConfigurationError(
                    f"another training is writing to {folder}; wait for it, or give another OUT"
                ) from error
            time.sleep(0.2)
        else:
            return


def _is_resumed_from(key: str) -> bool:
    return "/" not in key and key.endswith(_RESUMED_FROM)


def _flattened(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flattened(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value):
            yield from _flattened(inner, f"{name}.{number}")
    else:
        yield name, value
