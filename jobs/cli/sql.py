"""srfleet sql: ask the tables of a run, by DuckDB."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.json_text import to_text
from jobs.cli.options import RootArgument
from jobs.cli.terminal import answers
from sr_core.errors import ConfigurationError

EXAMPLES = (
    'srfleet sql ./photos-x4 "SELECT key, lr_psnr_db FROM images ORDER BY 2 LIMIT 20"',
    'srfleet sql s3://archive/x4 "SELECT status, count(*) AS n FROM images GROUP BY 1" --json',
)

QueryArgument = Annotated[
    str, typer.Argument(metavar="QUERY", help="SQL over the views images, rows and plan.")
]
LinesOption = Annotated[
    bool, typer.Option("--json", help="Answer with one JSON object for each row.")
]


def sql(root: RootArgument, query: QueryArgument, json: LinesOption = False) -> None:
    """Ask the tables of the run in OUT: one row for each image in the view images.

    The view rows has every committed row of all rounds, plan what was planned. Infinity (PSNR of
    identical images) is null in images, and as stored in rows.
    """
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.archive.storage import open_store
    from sr_core.audit.database import open_database

    store = open_store(root)
    if Ledger(store).run() is None:
        raise ConfigurationError(f"{store.uri} holds no run: it has no run.json")
    with open_database(store) as database:
        import duckdb

        try:
            found = database.sql(query)
            if found is None:
                raise ConfigurationError("the query has no answer; begin with SELECT")
            if json:
                for row in found.fetchall():
                    named = dict(zip(found.columns, row, strict=True))
                    answers().data(to_text(named))
            else:
                answers().data(str(found).rstrip())
        except duckdb.Error as error:
            raise ConfigurationError(str(error).strip()) from error
