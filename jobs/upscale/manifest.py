"""Making a manifest: list a source, read the headers, write the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.source.changes import CommittedImage, leave_out_committed
from sr_core.archive.source.manifest import ManifestSummary, write_manifest
from sr_core.archive.source.opening import open_source
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.source.selection import Choice, Tally
from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError
from sr_core.records import LeftOut, Status

_IDENTITY = (
    "image_id",
    "status",
    "source_uri",
    "source_etag",
    "source_size_bytes",
    "source_sha256",
)
_CONFIGURATION = ("model", "scale", "target", "format")


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A run whose finished images were left out, and what it made: model, scale, format."""

    root: str
    run_id: str
    made: str


@dataclass(frozen=True, slots=True)
class ManifestMade:
    """A manifest that was written: its contents, its source and the runs it continues."""

    summary: ManifestSummary
    source_uri: str
    earlier: tuple[EarlierRun, ...]
    left_out: LeftOut


def make_manifest(
    source: str,
    sink: Path,
    *,
    root: str | None = None,
    uri_column: str | None = None,
    reference_column: str | None = None,
    since: Sequence[str] = (),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> ManifestMade:
    """Write the manifest of a source.

    Args:
        source: see `open_source`, as for root, uri_column and reference_column.
        sink: the Parquet file; it must not exist.
        since: roots of earlier runs whose finished images are left out. Their configurations are
            returned, so that the user can check that those outputs are the wanted ones.

        include: glob patterns of files to take; without any, all are taken.
        exclude: glob patterns of files to leave out.

    Raises: ConfigurationError if the source is not one, a root holds no run, or the file exists.
    """
    if sink.exists():
        raise ConfigurationError(f"{sink} exists; a manifest is not overwritten, name another file")
    choice, tally = Choice.of(include, exclude), Tally()
    opened = open_source(
        source,
        root=root,
        uri_column=uri_column,
        reference_column=reference_column,
        choice=choice,
    )
    rows = opened.listed(tally)
    ledgers = [Ledger(open_store(uri)) for uri in since]
    earlier = tuple(_describe(uri, ledger) for uri, ledger in zip(since, ledgers, strict=True))
    if ledgers:
        rows = leave_out_committed(rows, _committed(ledgers), opened.store)
    summary = write_manifest(probe_rows(opened.store, rows), sink, opened.store.uri)
    return ManifestMade(summary, opened.store.uri, earlier, choice.left_out(tally))


def _describe(uri: str, ledger: Ledger) -> EarlierRun:
    run = ledger.run()
    if run is None:
        raise ConfigurationError(f"--since {uri} holds no run: it has no run.json")
    made = ", ".join(
        f"{name} {run.config[name]}" for name in _CONFIGURATION if run.config.get(name) is not None
    )
    return EarlierRun(uri, run.run_id, made)


def _committed(ledgers: Sequence[Ledger]) -> Iterator[CommittedImage]:
    for ledger in ledgers:
        rows = ledger.latest_rows(_IDENTITY)
        ok = rows.filter(pc.equal(rows.column("status"), Status.OK.value))
        for batch in ok.select(_IDENTITY[2:]).to_batches():
            for uri_, etag, size, sha256 in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                yield CommittedImage(uri_, etag, size, sha256)
