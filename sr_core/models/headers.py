"""Headers of checkpoint files: what they state about their weights. Needs no torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HEADER_BYTES = 1 << 20
"""Most that is read of a safetensors header; ours has a few kilobytes."""


def stated_metadata(path: Path) -> Mapping[str, Any]:
    """Read the metadata in the header of a safetensors file; empty for other files."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _HEADER_BYTES)))
        metadata = header["__metadata__"]
    except (OSError, struct.error, ValueError, KeyError, TypeError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def training_record(path: Path) -> Mapping[str, Any]:
    """Read the training record of a checkpoint that srfleet wrote; empty for other files."""
    try:
        record = json.loads(stated_metadata(path)["srfleet"])
    except (ValueError, KeyError, TypeError):
        return {}
    return record if isinstance(record, dict) else {}
