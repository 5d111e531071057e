"""Where a training is written: a folder, or a prefix on S3 with a folder in its place meanwhile."""

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
from typing import IO, Any, Self

from sr_core.archive.storage import Store, open_store
from sr_core.errors import ConfigurationError

_SETTINGS = "train.json"
_WRITER = "writer"
_LOCK = ".lock"
_BEFORE_A_STEP = (_SETTINGS, _WRITER, _LOCK)
"""What stands in OUT before anything came of the training."""
_RESUMED_FROM = (".pt", ".safetensors", ".jsonl")
_LOCK_PATIENCE_S = 10.0
"""A worker that was killed holds its lock for a moment longer."""
_SLOWEST_BYTES_PER_S = 1 << 20


def begin(output: str, settings: Mapping[str, Any]) -> None:
    """Write down in OUT what its training is, or check that it is the one begun there.

    Args:
        output: a folder or s3:// prefix; what is new must be empty.
        settings: JSON values; mappings and lists may be nested.

    Raises: ConfigurationError that names what differs.
    """
    store = open_store(output)
    text = json.dumps(settings, indent=1, sort_keys=True)
    others = [found.key for found in islice(store.list(), 9) if found.key not in _BEFORE_A_STEP]
    if store.head(_SETTINGS) is None:
        if others:
            raise ConfigurationError(
                f"{output} holds no training, but other things, such as {others[0]}: give a new OUT"
            )
        if store.put_if_absent(_SETTINGS, text.encode()):
            return
    begun = dict(_flattened(json.loads(store.read_object(_SETTINGS)[0])))
    now = dict(_flattened(json.loads(text)))
    differing = [key for key in sorted(begun | now) if begun.get(key) != now.get(key)]
    if not others:  # nothing came of it yet
        store.replace(_SETTINGS, text.encode())
    elif differing:
        changes = [f"{key} was {begun.get(key)}, is {now.get(key)}" for key in differing[:3]]
        more = f", and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise ConfigurationError(
            f"{output} holds a training with other settings: {'; '.join(changes)}{more}. Give "
            "another OUT, or the same settings to go on"
        )


def standing(output: str) -> dict[str, str]:
    """Return the states and checkpoints in OUT with their etags: they change as it gets on."""
    listed = open_store(output).list()
    return {found.key: found.etag for found in listed if _is_resumed_from(found.key)}


class TrainingFolder:
    """Hold what a training writes; a context manager.

    `path` is a local folder. On S3 its files stand in for the objects: those that a training
    resumes from are fetched at the start, and `publish` sends one back.

    One process writes. A second one is refused on disk, by a lock of the kernel. On S3 nothing can
    tell a writer that died from one that is slow, so there the second takes over: the first finds
    out when it is about to publish, and ends without doing so.
    """

    path: Path

    def __init__(self, output: str, *, writes: bool) -> None:
        """Take OUT after `begin`, and whether this process is the one that writes there."""
        self._store: Store = open_store(output)
        self._writes = writes
        self._token = uuid.uuid4().hex.encode()

    def __enter__(self) -> Self:
        if self._writes and self._store.head(_SETTINGS) is None:
            raise ConfigurationError(
                f"{self._store.uri} is not what it is where the command was started: on several "
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
        """OUT itself."""
        return self._store.uri

    def publish(self, file: Path) -> None:
        """Make a file of `path` stand in OUT as it is now.

        Raises: ConfigurationError if another training took over.
        """
        if self._store.local_path is not None:
            return
        if self._store.read_object(_WRITER)[0] != self._token:
            raise ConfigurationError(
                f"another training was started on {self._store.uri} and goes on there; this one "
                "ends"
            )
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


def _flattened(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flattened(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value):
            yield from _flattened(inner, f"{name}.{number}")
    else:
        yield name, value
