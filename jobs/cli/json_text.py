"""JSON text of answers and events."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


def to_text(value: object, *, indent: int | None = None) -> str:
    """Write a value as JSON in printable ASCII, whatever characters its strings have."""
    text = json.dumps(to_json(value), indent=indent, allow_nan=False)
    return text.replace("\x7f", "\\u007f")


def to_json(value: object) -> Json:
    """Convert dataclasses, mappings and sequences; infinity and NaN, which JSON lacks, to null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: to_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)
