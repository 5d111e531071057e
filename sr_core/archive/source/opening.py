"""What can stand as SOURCE: a folder or prefix, a manifest, an S3 Inventory, a user's own table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sr_core.archive.schemas import MANIFEST_SCHEMA
from sr_core.archive.source.inventory import inventoried_bucket, read_inventory
from sr_core.archive.source.manifest import (
    SOURCE_METADATA,
    list_source,
    read_manifest,
    write_manifest,
)
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.source.user_tables import read_user_table
from sr_core.archive.storage import Store, open_store
from sr_core.archive.storage.tables import open_table
from sr_core.archive.tables import UNREADABLE
from sr_core.errors import ConfigurationError, StorageError
from sr_core.records import ManifestRow

_TABLES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """Where images come from. `listed` yields rows in key order without reading headers.

    `manifest` is the address of a file where the rows stand already, else None. It is frozen: it
    stands for the files it names, not for what its store holds, and `listed` raises
    ConfigurationError.
    """

    store: Store
    listed: Callable[[], Iterator[ManifestRow]]
    manifest: str | None = None

    def table(self) -> pa.Table:
        """Return the manifest: read it, or list the source and read every header."""
        if self.manifest is not None:
            with _open(self.manifest) as file:
                return read_manifest(file, self.manifest)
        with tempfile.TemporaryDirectory(prefix="srfleet-") as folder:
            path = Path(folder) / "manifest.parquet"
            write_manifest(probe_rows(self.store, self.listed()), path, self.store.uri)
            return read_manifest(path)


def open_source(
    source: str,
    *,
    root: str | None = None,
    uri_column: str | None = None,
    reference_column: str | None = None,
    leave_out: Sequence[str] = (),
) -> Source:
    """Find out what SOURCE is.

    Args:
        source: a folder, an s3:// prefix, a manifest of ours, an S3 Inventory's manifest.json, or
            a .parquet or .csv table of the user's own.
        root: what the names in a table or inventory are relative to; by default the folder of the
            table, and the bucket of the inventory.
        uri_column, reference_column: columns of the user's own table.
        leave_out: URIs inside the source that are no part of it, such as the output.

    Raises: ConfigurationError if it is none of these.
    """
    if source.endswith("manifest.json"):
        store = open_store(root or inventoried_bucket(source))
        return Source(store, lambda: read_inventory(source, store))
    if source.endswith(_TABLES):
        uri = None
        if source.endswith(".parquet") and root is None:
            uri = _manifests_source(source)
        if uri is not None:
            return Source(open_store(uri), _refuse_to_list, manifest=source)
        store = open_store(root or source.rpartition("/")[0] or ".")
        return Source(
            store,
            lambda: read_user_table(
                source, store, uri_column=uri_column, reference_column=reference_column
            ),
        )
    if "://" not in source and not Path(source).is_dir():
        what = "is a file" if Path(source).is_file() else "does not exist"
        raise ConfigurationError(f"{source} {what}; give a folder, an s3:// prefix, or a manifest")
    store = open_store(source)
    return Source(store, lambda: list_source(store, leave_out))


def _manifests_source(address: str) -> str | None:
    """Return the URI of the source that a manifest stands for; None of another Parquet file.

    Raises: ConfigurationError for a file that cannot be read, or a manifest that tells no source.
    """
    try:
        with _open(address) as file:
            schema = pq.read_schema(file)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{address} does not exist") from error
    except (*UNREADABLE, StorageError) as error:
        raise ConfigurationError(
            f"{address} is no Parquet file that can be read: {error}"
        ) from error
    uri = (schema.metadata or {}).get(SOURCE_METADATA)
    if uri is None and {*MANIFEST_SCHEMA.names} <= {*schema.names}:
        raise ConfigurationError(
            f"{address} is a manifest that no longer tells its source, as the tool that wrote it "
            "dropped the schema's metadata; make it one again by srfleet manifest "
            f"{address} --root SOURCE -o NEW.parquet"
        )
    return None if uri is None else uri.decode()


def _open(address: str) -> Any:
    # A path is opened as it is: the links that a store refuses may lead to a manifest.
    return open_table(address) if "://" in address else Path(address).open("rb")


def _refuse_to_list() -> Iterator[ManifestRow]:
    raise ConfigurationError(
        "a manifest is frozen: give the folder or bucket itself, or make a new manifest with "
        "--since"
    )
