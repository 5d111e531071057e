"""The manifest: every file of a source as one row, in key order. See docs/manifest.md."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sr_core.archive.schemas import MANIFEST_SCHEMA
from sr_core.archive.storage import ObjectInfo, Store
from sr_core.archive.storage.addresses import keys_within, path_of
from sr_core.archive.tables import PARQUET_OPTIONS, manifest_table
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import ManifestRow, Status

SOURCE_METADATA = b"srfleet.source"
BATCH_ROWS = 1 << 16
"""Rows per Parquet row group of a manifest."""

_IDENTITY_COLUMNS = ["image_id", "key", "size_bytes", "etag", "reference_key"]


@dataclass(slots=True)
class ManifestSummary:
    """Totals of a manifest.

    `images` are the rows that can be processed; the headers of `unprobed` ones could not be read
    yet, so that they are not part of the megapixels. `skipped` files are no photographs.
    """

    rows: int = 0
    images: int = 0
    unprobed: int = 0
    duplicates: int = 0
    megapixels: float = 0.0
    size_bytes: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    digest: str = ""


def image_id(key: str, occurrence: int = 0) -> str:
    """Derive an image's id from its key: 16 hexadecimal digits.

    Args:
        key: key of the image, relative to the source root.
        occurrence: number of earlier rows of the manifest with the same key.
    """
    text = f"{key}\0{occurrence}" if occurrence else key
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def listed_row(info: ObjectInfo) -> ManifestRow:
    """Make an unprobed row from an entry of a listing."""
    return ManifestRow(
        image_id(info.key), info.key, info.size_bytes, info.etag, modified_at=info.modified_at
    )


def list_source(store: Store, leave_out: Sequence[str] = ()) -> Iterator[ManifestRow]:
    """List a source as unprobed rows, in key order.

    Args:
        store: the source.
        leave_out: URIs of files and folders inside the source to leave out, such as the output
            root of the run.

    Raises: ConfigurationError if the whole source would be left out.
    """
    own = {key for uri in leave_out for key in keys_within(store.uri, uri)}
    if "" in own:
        raise ConfigurationError(
            f"{path_of(store.uri)} is both source and output; give the output a root of its own"
        )
    own_folders = tuple(f"{key}/" for key in own)
    for info in store.list():
        if info.key not in own and not info.key.startswith(own_folders):
            yield listed_row(info)


def write_manifest(
    rows: Iterable[ManifestRow], sink: Path | BinaryIO, source_uri: str
) -> ManifestSummary:
    """Write rows to a Parquet file as they come; a file on disk appears when it is complete.

    Raises: ValueError if the rows are not in key order.
    """
    summary = ManifestSummary()
    digest = hashlib.sha256()
    schema = MANIFEST_SCHEMA.with_metadata(
        MANIFEST_SCHEMA.metadata | {SOURCE_METADATA: source_uri.encode()}
    )
    rows = iter(rows)
    last_key = ""
    with _whole(sink) as file, pq.ParquetWriter(file, schema, **PARQUET_OPTIONS) as writer:
        while batch := list(islice(rows, BATCH_ROWS)):
            _check_order(last_key, batch)
            last_key = batch[-1].key
            table = manifest_table(batch)
            writer.write_table(table)
            digest.update(_canonical(table))
            _count(summary, table)
    summary.digest = digest.hexdigest()
    return summary


def manifest_digest(manifest: pa.Table) -> str:
    """Hash the images of a manifest and their versions.

    SHA-256 over one line of JSON per row, in row order: the array of image_id, key, size_bytes,
    etag and reference_key, in ASCII without spaces. The hash depends neither on how the file was
    written nor on the results of the probes.
    """
    digest = hashlib.sha256()
    for batch in manifest.select(_IDENTITY_COLUMNS).to_batches(BATCH_ROWS):
        digest.update(_canonical(batch))
    return digest.hexdigest()


def digest_in_key_order(manifest: pa.Table) -> str:
    """Return the `manifest_digest` of the rows in the order in which a manifest is written.

    Rows of one key come in the order of their occurrence. The rows may be those of a plan, which
    has its own order.
    """
    rows = manifest.select(_IDENTITY_COLUMNS)
    order = pc.sort_indices(rows["key"]).to_numpy().copy()
    keys = rows["key"].take(pa.array(order)).combine_chunks()
    starts = np.flatnonzero(np.append(pc.equal(keys[1:], keys[:-1]).to_numpy(False), False))
    for start, end in _ties(starts.tolist()):
        group = order[start:end]
        ids = rows["image_id"].take(pa.array(group)).to_pylist()
        place = {image_id(keys[start].as_py(), n): n for n in range(end - start)}
        by_occurrence = sorted(range(end - start), key=lambda at: place.get(ids[at], at))
        order[start:end] = group[by_occurrence]
    digest = hashlib.sha256()
    for start in range(0, len(order), BATCH_ROWS):
        digest.update(_canonical(rows.take(pa.array(order[start : start + BATCH_ROWS]))))
    return digest.hexdigest()


def _ties(equal_to_next: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of equal values, from the positions of those equal to the next one."""
    start = None
    for at, position in enumerate(equal_to_next):
        start = position if start is None else start
        if at + 1 == len(equal_to_next) or equal_to_next[at + 1] != position + 1:
            yield start, position + 2
            start = None


def read_manifest(file: str | Path | BinaryIO, name: str | None = None) -> pa.Table:
    """Read a manifest into memory, as one table of MANIFEST_SCHEMA.

    Another tool may have filtered and rewritten it: only the columns matter. The URI of the source
    is in the schema's metadata (SOURCE_METADATA) if that tool kept it.

    Raises: ConfigurationError if the file is not a manifest.
    """
    try:
        table = pq.read_table(file)
        metadata = dict(MANIFEST_SCHEMA.metadata) | (table.schema.metadata or {})
        table = table.select(MANIFEST_SCHEMA.names).cast(MANIFEST_SCHEMA)
        _check_values(table)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise ConfigurationError(
            f"{name or file} is not a manifest ({error}); make one with `srfleet manifest`"
        ) from error
    return table.replace_schema_metadata(metadata)


def _check_values(manifest: pa.Table) -> None:
    """Reject values that would end in a plan that cannot be read or a row that cannot be committed.

    Raises: ValueError.
    """
    manifest.validate(full=True)
    for name, known in (("status", Status), ("error_class", ErrorClass)):
        strange = set(pc.unique(manifest[name]).to_pylist()) - {None, *known}
        if strange:
            raise ValueError(f"{name} cannot be {', '.join(sorted(strange))}")
    is_ok = pc.equal(manifest["status"], Status.OK)
    if pc.any(pc.not_equal(is_ok, pc.is_null(manifest["error_class"]))).as_py():
        raise ValueError("a row must have an error_class exactly if it is not ok")
    for name in ("size_bytes", "width_px", "height_px", "pages"):
        if (pc.min(manifest[name]).as_py() or 0) < 0:
            raise ValueError(f"{name} cannot be negative")


@contextmanager
def _whole(sink: Path | BinaryIO) -> Iterator[Path | BinaryIO]:
    """Write to a temporary name next to a file, and rename at the end."""
    if not isinstance(sink, Path):
        yield sink
        return
    partial = sink.with_name(f"{sink.name}.partial-{os.getpid()}")
    try:
        yield partial
        partial.replace(sink)
    finally:
        partial.unlink(missing_ok=True)


def _check_order(last_key: str, batch: Sequence[ManifestRow]) -> None:
    for row in batch:
        if row.key < last_key:
            raise ValueError(f"rows must be in key order: {row.key!r} after {last_key!r}")
        last_key = row.key


def _canonical(rows: pa.Table | pa.RecordBatch) -> bytes:
    columns = [rows.column(name).to_pylist() for name in _IDENTITY_COLUMNS]
    encode = json.JSONEncoder(separators=(",", ":")).encode
    return "".join(f"{encode(values)}\n" for values in zip(*columns, strict=True)).encode()


def _count(summary: ManifestSummary, table: pa.Table) -> None:
    summary.rows += len(table)
    summary.size_bytes += _total(table["size_bytes"])
    images = table.filter(pc.equal(table["status"], Status.OK))
    summary.images += len(images)
    summary.unprobed += images["format"].null_count
    summary.megapixels += _total(pc.multiply(images["width_px"], images["height_px"])) / 1e6
    summary.duplicates += _total(pc.equal(table["status"], Status.DUPLICATE))
    for status, counts in ((Status.FAILED, summary.failed), (Status.SKIPPED, summary.skipped)):
        counts.update(table["error_class"].filter(pc.equal(table["status"], status)).to_pylist())


def _total(values: pa.ChunkedArray) -> int:
    return int(pc.sum(values).as_py() or 0)
