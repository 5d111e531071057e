"""The names of the objects under a run's root."""

from __future__ import annotations

import re

RUN_KEY = "run.json"
IMAGES_PREFIX = "images/"
METRICS_PREFIX = "metrics/"
SIGNATURES_PREFIX = "signatures/"
REPORT_KEY = "report.html"
OWN_NAMES = (
    RUN_KEY,
    IMAGES_PREFIX,
    METRICS_PREFIX,
    SIGNATURES_PREFIX,
    "plan.parquet",
    "plan-round-",
    "_SUCCESS",
)
"""Prefixes of the names of all objects that are written once."""

_PART = re.compile(r"metrics/(?:round-([1-9]\d*)-)?shard-(\d{5,})\.parquet")


def plan_name(round_index: int) -> str:
    """Return the name of a round's plan: plan.parquet, plan-round-1.parquet, ..."""
    return f"plan{_round_suffix(round_index)}.parquet"


def success_name(round_index: int) -> str:
    """Return the name of a round's closing record: _SUCCESS.json, _SUCCESS-round-1.json, ..."""
    return f"_SUCCESS{_round_suffix(round_index)}.json"


def part_name(round_index: int, shard: int) -> str:
    """Return the name of the metrics part that commits a shard."""
    prefix = f"round-{round_index}-" if round_index else ""
    return f"{METRICS_PREFIX}{prefix}shard-{shard:05d}.parquet"


def parse_part_name(key: str) -> tuple[int, int] | None:
    """Return the round and shard that a key commits; None for other keys."""
    match = _PART.fullmatch(key)
    if match is None:
        return None
    round_index, shard = int(match[1] or 0), int(match[2])
    return (round_index, shard) if part_name(round_index, shard) == key else None


def signature_name(round_index: int, fingerprint: str) -> str:
    """Return the name of a signature of a round's root hash, by the key with a fingerprint."""
    return f"{SIGNATURES_PREFIX}round-{round_index}-{fingerprint}.json"


def _round_suffix(round_index: int) -> str:
    return f"-round-{round_index}" if round_index else ""
