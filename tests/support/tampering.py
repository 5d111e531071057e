"""Changes to a finished run on disk, made past the ledger."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sr_core.archive.ledger.chain import root_hash_of


def reseal(root: Path) -> None:
    """Make the closing records agree with the objects again, as whoever changed them would."""
    for path in sorted(root.glob("_SUCCESS*.json"), key=lambda each: (len(each.name), each.name)):
        try:
            record = json.loads(path.read_text())
            digests = {key: sha256_of_file(root / key) for key in record["digests"]}
        except (ValueError, KeyError):
            continue  # a damaged record, or one without digests
        if not digests:
            continue
        record["digests"] = {key: digest for key, digest in digests.items() if digest}
        record["root_hash"] = root_hash_of(record["digests"])
        path.write_text(json.dumps(record, indent=2) + "\n")


def sha256_of_file(path: Path) -> str | None:
    """Return the SHA-256 of a file; None if it does not exist."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
