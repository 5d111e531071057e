"""The event log of a run: one JSON object per line, documented in docs/json.md."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.cli.exit_codes import ExitCode, ending
from jobs.cli.json_text import Json, to_json, to_text
from jobs.cli.terminal import notices
from jobs.upscale.observer import RunEvent, RunOpened, RunOutcome, ShardCommitted
from sr_core.config import JobConfig
from sr_core.errors import ConfigurationError

_DEFECT = 1
"""Exit code of a command that ends with a traceback."""


class EventLog:
    """Appends the events of a run to a file; a `RunObserver` and a context manager.

    Each line is flushed. If the file cannot be written when the log is opened, the command fails;
    later the log ends with a warning, and the run continues.
    """

    def __init__(self, path: Path, job: JobConfig) -> None:
        """Open the file and write the first line.

        Raises: ConfigurationError if the file cannot be written.
        """
        self._path, self._run_id = path, ""
        try:
            self._file = path.open("ab", buffering=0)
            if _ends_in_mid_line(path):
                self._file.write(b"\n")
            self._append(
                "log_opened",
                {"version": version("srfleet"), "source": job.source, "output": job.output},
            )
        except OSError as error:
            raise ConfigurationError(
                f"--log-json {path} cannot be written: {error.strerror or error}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            code, message = _ending(error)
            self._write("run_stopped", {"exit_code": code, "message": message})
        self._file.close()

    def observe(self, event: RunEvent) -> None:
        """Append an event."""
        if isinstance(event, RunOpened):
            self._run_id = event.run_id
        values = to_json(event.result if isinstance(event, ShardCommitted) else event)
        self._write(event_name(type(event)), values if isinstance(values, dict) else {})

    def finish(self, outcome: RunOutcome) -> None:
        """Append the outcome of the run."""
        values = to_json(outcome)
        self._write("run_finished", values if isinstance(values, dict) else {})

    def _write(self, event: str, values: dict[str, Json]) -> None:
        if self._file.closed:
            return
        try:
            self._append(event, values)
        except OSError as error:
            self._file.close()
            reason = error.strerror or error
            notices().say(
                f"warning: --log-json {self._path}: {reason}; the log ends, the run continues",
                style="yellow",
            )

    def _append(self, event: str, values: dict[str, Json]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "event": event, "run_id": self._run_id} | values
        data = (to_text(line) + "\n").encode()
        while data:  # an unbuffered file may write less than it was given
            data = data[self._file.write(data) :]


def _ending(error: BaseException) -> tuple[int, str]:
    """Return the exit code that an error leads to, and its message."""
    if isinstance(error, KeyboardInterrupt | SystemExit):  # a signal, before there was a run
        return ExitCode.TRY_AGAIN, "stopped"
    return ending(error) or (_DEFECT, f"{type(error).__name__}: {error}")


def event_name(kind: type[RunEvent]) -> str:
    """Return the name of an event in the log: shard_committed for ShardCommitted."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _ends_in_mid_line(path: Path) -> bool:
    """Return True if an earlier process was cut off while it wrote a line."""
    if not path.is_file():  # a pipe, which has no end to look at
        return False
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return False
        file.seek(-1, 2)
        return file.read() != b"\n"
