"""The chain of a run: digests of the objects of each round, and the root hash over them.

A closing record covers the record before it, so that the root hash of the last round covers the
whole run: run.json, plans and parts directly, outputs through the SHA-256 in their rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from sr_core.archive.ledger.layout import RUN_KEY, part_name, plan_name, success_name
from sr_core.archive.storage import Store, sha256_of
from sr_core.parallel import map_in_order

_READERS = 8
"""Number of objects read concurrently."""


def covered_keys(shards: Mapping[int, Sequence[int]]) -> list[str]:
    """List the objects that a closing record covers, in the order of the root hash.

    Args:
        shards: numbers of the shards, by round: of the round that is closed, and of those before
            it whose closing records have no digests, as version 0.1.0 wrote them.
    """
    keys = {RUN_KEY}
    for round_index, numbers in shards.items():
        keys.add(plan_name(round_index))
        keys.update(part_name(round_index, shard) for shard in numbers)
        if round_index:
            keys.add(success_name(round_index - 1))
    return sorted(keys)


def digests_of(store: Store, keys: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of objects, hexadecimal, by key.

    Raises: StorageError for an object that cannot be read.
    """
    keys = list(keys)
    found = map_in_order(lambda key: sha256_of(store, key)[0], keys, threads=_READERS)
    return dict(zip(keys, found, strict=True))


def root_hash_of(digests: Mapping[str, str]) -> str:
    """Hash digests as `LC_ALL=C sha256sum KEY... | sha256sum` does, with the keys sorted."""
    lines = "".join(f"{digests[key]}  {key}\n" for key in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()
