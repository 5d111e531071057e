"""The kinds of SOURCE: a folder or prefix, a manifest, an S3 Inventory, a user's own table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

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
from sr_core.archive.source.selection import (
    Choice,
    Tally,
    chosen,
    skip_by_name,
    skip_folders,
)
from sr_core.archive.source.user_tables import read_user_table
from sr_core.archive.storage import Store, open_store
from sr_core.archive.storage.tables import open_table
from sr_core.archive.tables import UNREADABLE
from sr_core.errors import ConfigurationError, StorageError
from sr_core.records import ManifestRow

_TABLES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a job.

    `manifest` is the address of a manifest, if the source is one. A manifest is frozen: it means
    the files it lists, whatever else is in its store, and `listed` raises ConfigurationError.
    """

    store: Store
    _rows: Callable[[], Iterator[ManifestRow]]
    """Yields unprobed rows of all files, in key order."""
    manifest: str | None = None
    choice: Choice = field(default_factory=Choice)
    """Patterns that choose files."""
    is_listing: bool = True
    """True if the rows are all files of a folder; in a table of the user each row stays one."""

    def listed(self, tally: Tally | None = None) -> Iterator[ManifestRow]:
        """Yield rows in key order without reading headers; what is no photograph is skipped.

        Args:
            tally: counts the files that patterns leave out.
        """
        rows = chosen(self._rows(), self.choice, tally or Tally())
        if self.is_listing:
            return skip_folders(rows, self.choice, self.store)
        return skip_by_name(rows, self.choice)

    def table(self, tally: Tally | None = None) -> pa.Table:
        """Read the manifest, or make it: list the source and read every header.

        Args:
            tally: counts the files that patterns leave out.
        """
        if self.manifest is not None:
            with _open(self.manifest) as file:
                return read_manifest(file, self.manifest)
        with tempfile.TemporaryDirectory(prefix="srfleet-") as folder:
            path = Path(folder) / "manifest.parquet"
            write_manifest(probe_rows(self.store, self.listed(tally)), path, self.store.uri)
            return read_manifest(path)


def open_source(
    source: str,
    *,
    root: str | None = None,
    uri_column: str | None = None,
    reference_column: str | None = None,
    leave_out: Sequence[str] = (),
    choice: Choice | None = None,
) -> Source:
    """Open SOURCE, of any kind.

    Args:
        source: a folder, an s3:// prefix, a manifest of ours, an S3 Inventory's manifest.json, or
            a user's own .parquet or .csv table.
        root: root of the names in a table or inventory; by default the folder of the table or the
            bucket of the inventory.
        uri_column, reference_column: columns of the user's own table.
        leave_out: URIs inside the source to leave out, such as the output.
        choice: patterns that choose files; None for all.

    Raises: ConfigurationError if it is none of these, or a manifest with patterns.
    """
    choice = choice or Choice()
    if source.endswith("manifest.json"):
        store = open_store(root or inventoried_bucket(source))
        return Source(store, lambda: read_inventory(source, store), choice=choice)
    if source.endswith(_TABLES):
        return _open_table(source, root, uri_column, reference_column, choice)
    if "://" not in source and not Path(source).is_dir():
        what = "is a file" if Path(source).is_file() else "does not exist"
        raise ConfigurationError(f"{source} {what}; give a folder, an s3:// prefix, or a manifest")
    store = open_store(source)
    return Source(store, lambda: list_source(store, leave_out), choice=choice)


def _open_table(
    source: str,
    root: str | None,
    uri_column: str | None,
    reference_column: str | None,
    choice: Choice,
) -> Source:
    """Open a manifest or a user's own table."""
    uri = None
    if source.endswith(".parquet") and root is None:
        uri = _manifests_source(source)
    if uri is not None and choice:
        raise ConfigurationError(
            f"--include and --exclude do not apply to the manifest {source}, which is frozen: give "
            "them to srfleet manifest"
        )
    if uri is not None:
        return Source(open_store(uri), _refuse_to_list, manifest=source)
    store = open_store(root or source.rpartition("/")[0] or ".")
    return Source(
        store,
        lambda: read_user_table(
            source, store, uri_column=uri_column, reference_column=reference_column
        ),
        choice=choice,
        is_listing=False,
    )


def _manifests_source(address: str) -> str | None:
    """Return the URI of a manifest's source; None for another Parquet file.

    Raises: ConfigurationError if the file cannot be read, or is a manifest without its source.
    """
    try:
        with _open(address) as file:
            schema = pq.read_schema(file)
    except FileNotFoundError as error:
        raise ConfigurationError(f"{address} does not exist") from error
    except (*UNREADABLE, StorageError) as error:
        raise ConfigurationError(f"{address} is not a readable Parquet file: {error}") from error
    uri = (schema.metadata or {}).get(SOURCE_METADATA)
    if uri is None and {*MANIFEST_SCHEMA.names} <= {*schema.names}:
        raise ConfigurationError(
            f"{address} is a manifest without the address of its source: the tool that wrote it "
            "dropped the schema's metadata; restore it with srfleet manifest "
            f"{address} --root SOURCE -o NEW.parquet"
        )
    return None if uri is None else uri.decode()


def _open(address: str) -> BinaryIO:
    # A path is opened directly: a link that a store would reject may lead to a manifest.
    return open_table(address) if "://" in address else Path(address).open("rb")


def _refuse_to_list() -> Iterator[ManifestRow]:
    raise ConfigurationError(
        "a manifest is frozen: give the folder or bucket itself, or make a new manifest with "
        "--since"
    )
