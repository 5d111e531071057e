"""The tables of a run as views of a DuckDB database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow.types as pa_types

from sr_core.archive.ledger.history import list_parts, list_rounds
from sr_core.archive.ledger.layout import plan_name
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store
from sr_core.errors import ConfigurationError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@contextmanager
def open_database(store: Store) -> Iterator[DuckDBPyConnection]:
    """Open the tables of a run: `images`, `rows` and `plan`; they are gone afterwards.

    `rows` is the committed table as it is stored. `images` has one row for each image, that of its
    latest round, and null in place of infinity, which no mean survives. `plan` has all rounds.

    The parts are copied to a temporary folder first, so that S3 needs nothing that DuckDB lacks.

    Args:
        store: the root of the run.

    Raises: ConfigurationError if duckdb is not installed or nothing is committed yet.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError("srfleet sql needs duckdb: pip install duckdb") from error
    rounds, parts = list_rounds(store), list_parts(store)
    if not parts:
        raise ConfigurationError(f"{store.uri} has no committed rows yet")
    with TemporaryDirectory(prefix="srfleet-sql-") as temporary, duckdb.connect() as database:
        folder = Path(temporary)
        rows = _copy(store, [part.key for part in parts], folder / "rows")
        plans = _copy(store, [plan_name(each) for each in rounds], folder / "plans")
        # Parts of earlier versions lack the newest columns.
        for name, copies in (("rows", rows), ("plan", plans)):
            database.read_parquet(str(copies / "*.parquet"), union_by_name=True).create_view(name)
        known = set(database.table("rows").columns)
        columns = ", ".join(_column(name, name in known) for name in METRICS_SCHEMA.names)
        database.execute(
            f"CREATE VIEW images AS SELECT {columns} FROM rows "  # noqa: S608 - names of our own
            "QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY round DESC) = 1"
        )
        yield database


def _column(name: str, known: bool) -> str:
    if not known:
        return f'NULL AS "{name}"'
    if not pa_types.is_floating(METRICS_SCHEMA.field(name).type):
        return f'"{name}"'
    return f'CASE WHEN isfinite("{name}") THEN "{name}" END AS "{name}"'


def _copy(store: Store, keys: list[str], folder: Path) -> Path:
    folder.mkdir()
    for number, key in enumerate(keys):
        (folder / f"{number + 1:06}.parquet").write_bytes(store.read(key))
    return folder
