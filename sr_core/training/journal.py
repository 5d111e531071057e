"""The journal of a training: one line per report of its steps and per validation."""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sr_core.errors import DamagedError


@dataclass(frozen=True, slots=True)
class StepRecord:
    """Means over the steps since the previous record."""

    stage: str
    step: int
    """Last of these steps; each stage counts from 1."""
    seconds: float
    """Time per step."""
    learning_rate: float
    losses: dict[str, float]
    """By name. NaN and infinities are kept: they show how a training ended."""


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """Mean scores on the held-out photographs after a step."""

    stage: str
    step: int
    psnr_y_db: float
    ssim_y: float
    lpips_alex: float | None
    """None if not measured."""


Record = StepRecord | ValidationRecord


class Journal:
    """The journal of a training: journal.jsonl in its folder, one line per record.

    Lines are strict JSON, with NaN and infinities as the strings nan, inf and -inf. An incomplete
    last line, left by a killed process, is ignored.
    """

    def __init__(self, folder: Path) -> None:
        """Use an existing folder; the file appears with the first record."""
        self._path = folder / "journal.jsonl"

    def append(self, record: Record) -> None:
        """Append a record; once this returns, it survives a kill of the process."""
        with self._path.open("ab") as file:
            file.write(_line(record))

    def rewind(self, stage: str, step: int) -> None:
        """Remove the records that a training resumed after `step` of a stage will write again.

        These are later records of the stage, all records of later stages, and an incomplete last
        line. The file is replaced atomically.
        """
        lines = self._lines()
        records = self._parse(lines)
        stages = list(dict.fromkeys(record.stage for record in records))
        later = stages[stages.index(stage) + 1 :] if stage in stages else []
        kept = [
            line
            for line, record in zip(lines, records, strict=True)
            if record.stage not in later and (record.stage != stage or record.step <= step)
        ]
        replace_file(self._path, b"".join(kept))

    def records(self) -> list[Record]:
        """Return all records in order.

        Raises: DamagedError for a complete line that is not a record.
        """
        return self._parse(self._lines())

    def _lines(self) -> list[bytes]:
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().splitlines(keepends=True)
        return [line for line in lines if line.endswith(b"\n")]

    def _parse(self, lines: list[bytes]) -> list[Record]:
        records = []
        for number, line in enumerate(lines, start=1):
            try:
                records.append(_record(json.loads(line)))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise DamagedError(
                    f"line {number} of {self._path} is not a record of a training: "
                    "remove the line, or move the file away to resume without its curves"
                ) from error
        return records


def replace_file(path: Path, data: bytes) -> None:
    """Write a file atomically, replacing an existing one."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _line(record: Record) -> bytes:
    kind = "steps" if isinstance(record, StepRecord) else "validation"
    text = json.dumps({"kind": kind} | _strict(asdict(record)), allow_nan=False)
    return text.encode() + b"\n"


def _strict(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _strict(value)
        if isinstance(value, dict)
        else str(value)
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for name, value in fields.items()
    }


def _record(fields: dict[str, Any]) -> Record:
    """Undo `_line`; float() also reads nan, inf and -inf."""
    stage, step = str(fields["stage"]), int(fields["step"])
    if fields["kind"] == "steps":
        losses = {name: float(value) for name, value in fields["losses"].items()}
        return StepRecord(
            stage, step, float(fields["seconds"]), float(fields["learning_rate"]), losses
        )
    if fields["kind"] == "validation":
        lpips = fields["lpips_alex"]
        return ValidationRecord(
            stage,
            step,
            float(fields["psnr_y_db"]),
            float(fields["ssim_y"]),
            None if lpips is None else float(lpips),
        )
    raise ValueError(f"unknown kind {fields['kind']!r}")
