"""A finished run of four images in two shards, and ways to damage it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sr_core.archive.ledger.layout import part_name
from sr_core.archive.storage import open_store
from sr_core.archive.tables import metrics_rows, metrics_table, to_parquet
from sr_core.audit.verify.checks import verify_run
from sr_core.audit.verify.findings import Finding
from sr_core.records import MetricsRow
from tests.support.small_run import (
    manifest_digest_of,
    planned_images,
    record,
)
from tests.support.tampering import reseal

IMAGES = planned_images(4, per_shard=2, refused={1})
RECORD = record(manifest_digest=manifest_digest_of(IMAGES))
RUN_ID = RECORD.run_id
FIRST_KEY = "album/0.jpg"
FIRST_OUTPUT = "images/album/0.jpg"
PART = part_name(0, 0)


def findings_of(root: Path) -> list[Finding]:
    """Verify a run whose closing records were made to agree with whatever was changed."""
    reseal(root)
    return verify_run(open_store(str(root)))


def the_only(findings: list[Finding]) -> Finding:
    """Return the only finding."""
    assert len(findings) == 1, findings
    return findings[0]


def the_only_of(messages: list[str]) -> str:
    """Return the only message."""
    assert len(messages) == 1, messages
    return messages[0]


def rewrite_part(
    root: Path, change: Callable[[list[MetricsRow]], list[MetricsRow]], **metadata: str
) -> None:
    """Change the rows of the first shard, bypassing the ledger."""
    rows = change(metrics_rows(pq.read_table(root / PART)))
    labels = {"run_id": RUN_ID, "round": "0", "shard": "0"} | metadata
    named = {f"srfleet.{name}": value for name, value in labels.items()}
    (root / PART).write_bytes(to_parquet(metrics_table(rows), named))


def damage_column_names(table: Path) -> None:
    """Overwrite the name of a column."""
    data = table.read_bytes()
    assert b"image_id" in data
    table.write_bytes(data.replace(b"image_id", b"\xff" * 8))


def damage_pages(table: Path) -> None:
    """Flip a bit in the last page of every column."""
    data = bytearray(table.read_bytes())
    group = pq.read_metadata(table).row_group(0)
    for column in map(group.column, range(group.num_columns)):
        start = column.dictionary_page_offset or column.data_page_offset
        data[start + column.total_compressed_size - 1] ^= 1
    table.write_bytes(data)


def erase_first(table: Path, name: str) -> None:
    """Replace the first value of a column by null, as only another program can."""
    found = pq.read_table(table)
    field = found.schema.field(name)
    values = pa.array([None, *found[name].to_pylist()[1:]], field.type)
    place = found.schema.get_field_index(name)
    pq.write_table(found.set_column(place, pa.field(name, field.type), values), table)


def change_first(root: Path, **changes: Any) -> None:
    """Change the first row of the first shard, bypassing the ledger."""
    rewrite_part(root, lambda rows: [replace(rows[0], **changes), *rows[1:]])
