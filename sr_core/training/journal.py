"""A training's record: one line for each stretch of steps and for each validation."""

from __future__ import annotations

import json
import math
import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sr_core.errors import DamagedError


@dataclass(frozen=True, slots=True)
class StepRecord:
    """Means over the steps since the record before."""

    stage: str
    step: int
    """The last of these steps; a stage counts its own from 1."""
    seconds: float
    """Of one step."""
    learning_rate: float
    losses: dict[str, float]
    """By name; NaN and infinities are kept, for they tell how a training ended."""


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """Means over the held-out photographs after a step."""

    stage: str
    step: int
    psnr_y_db: float
    ssim_y: float
    lpips_alex: float | None
    """None where it is not measured."""


Record = StepRecord | ValidationRecord


class Journal:
    """A training's record: journal.jsonl in its folder, one line per record.

    A record is strict JSON, with NaN and infinities as the strings nan, inf and -inf. What a killed
    process left of a last line is no record.
    """

    def __init__(self, folder: Path) -> None:
        """Take an existing folder; the file appears with the first record."""
        self._path = folder / "journal.jsonl"

    def append(self, record: Record) -> None:
        """Add a record; it survives the death of the process as soon as this returns."""
        with self._path.open("ab") as file:
            file.write(_line(record))

    def rewind(self, stage: str, step: int) -> None:
        """Cut off what a training that goes on after `step` of a stage will write again.

        Later records of the stage, all of the stages after it, and a torn last line are removed;
        readers see the old file or the new one.
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
        """Read all records in their order.

        Raises: DamagedError for a whole line that is no record.
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
                    f"line {number} of {self._path} is no record of a training: "
                    "remove the line, or move the file away to go on without its curves"
                ) from error
        return records


def replace_file(path: Path, data: bytes) -> None:
    """Write a file over whatever stands there; readers see the old or the new one, whole."""
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


def _strict(fields: dict[str, Any]) -> dict[str, Any]:
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
