"""Tables of users, on disk or in S3, opened for pyarrow."""

from __future__ import annotations

from typing import BinaryIO, cast

from sr_core.archive.storage.opening import open_store

_S3 = "s3://"


def open_table(uri: str) -> BinaryIO:
    """Open a table as a seekable binary file, for use in a with statement.

    S3 goes through s3fs, whose buffering suits pyarrow's CSV reader. A run's own tables go through
    `Store.arrow_file`, for its deadlines and errors (docs/decisions/0005).

    Raises: OSError if the file cannot be opened; ConfigurationError for an invalid address.
    """
    if uri.startswith(_S3):
        # Imported here: importing it takes longer than reading most tables on disk.
        import s3fs  # noqa: PLC0415

        file = s3fs.S3FileSystem(skip_instance_cache=True).open(uri.removeprefix(_S3), "rb")
        return cast(BinaryIO, file)
    folder, _, name = uri.rpartition("/")
    return cast(BinaryIO, open_store(folder or ".").arrow_file(name))
