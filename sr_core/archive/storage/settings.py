"""Timeouts, retries and parallelism of the S3 store."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Self

from sr_core.errors import ConfigurationError

_MIN_PART_BYTES = 5 << 20  # S3 rejects smaller parts, except the last


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Limits of one S3 store in one process.

    Each is set by an environment variable: `timeout_s` by SRFLEET_S3_TIMEOUT_S, and so on.
    """

    timeout_s: float = 20.0
    """Longest time to connect, and longest silence of a server."""
    deadline_s: float = 120.0
    """Time for all attempts of one operation, unless its caller gives another."""
    first_wait_s: float = 0.2
    """Bound of the random wait before the second attempt; doubles with each further attempt."""
    longest_wait_s: float = 10.0
    """Upper limit of that bound."""
    connections: int = 16
    """Concurrent requests of all threads of the process."""
    part_bytes: int = 64 << 20
    """Larger bodies are uploaded in parts of this size."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = _MIN_PART_BYTES if field.name == "part_bytes" else 0
            if value <= 0 or value < least:
                raise ConfigurationError(f"{variable(field.name)}: {value} is too small")

    @classmethod
    def from_environment(cls) -> Self:
        """Read the SRFLEET_S3_* variables that are set.

        Raises: ConfigurationError naming the variable and its value.
        """
        values = {}
        for field in fields(cls):
            name, kind = variable(field.name), int if isinstance(field.default, int) else float
            if text := os.environ.get(name):
                try:
                    values[field.name] = kind(text)
                except ValueError:
                    wanted = "a whole number" if kind is int else "a number"
                    raise ConfigurationError(f"{name}: {text!r} is not {wanted}") from None
        return cls(**values)  # type: ignore[arg-type]  # of the kinds of the defaults


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"SRFLEET_S3_{name.upper()}"
