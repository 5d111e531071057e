"""Tables that people bring, on disk or in S3, opened for pyarrow."""

from __future__ import annotations

from typing import Any

from sr_core.archive.storage.opening import open_store

_S3 = "s3://"


def open_table(uri: str) -> Any:
    """Open a table for reading; a binary file that can seek and be used in a with statement.

    S3 goes through s3fs, which buffers as pyarrow and its CSV reader like it. A run's own tables go
    through `Store.arrow_file`, whose deadlines and errors a run depends on (docs/decisions/0005).

    Raises: OSError for a file that cannot be opened, ConfigurationError for no address.
    """
    if uri.startswith(_S3):
        # Imported here: it takes longer than reading most tables on disk.
        import s3fs  # noqa: PLC0415

        return s3fs.S3FileSystem(skip_instance_cache=True).open(uri.removeprefix(_S3), "rb")
    folder, _, name = uri.rpartition("/")
    return open_store(folder or ".").arrow_file(name)
