"""srfleet manifest: list a source, read its headers, and write the table of what there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.compute as pc
from rich.console import Console

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.source.changes import CommittedImage, leave_out_committed
from sr_core.archive.source.manifest import ManifestSummary, write_manifest
from sr_core.archive.source.opening import Source, open_source
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError
from sr_core.records import Status

_IDENTITY = (
    "image_id",
    "status",
    "source_uri",
    "source_etag",
    "source_size_bytes",
    "source_sha256",
)
_CONFIGURATION = ("model", "scale", "target", "format")


def make_manifest(
    source: str,
    sink: Path,
    console: Console,
    *,
    root: str | None,
    uri_column: str | None,
    reference_column: str | None,
    since: Sequence[str],
) -> None:
    """Write the manifest of a source and say what is in it.

    Args:
        since: roots of earlier runs whose finished images are left out. Whether those runs made
            what is wanted now is for the person to judge: their configurations are printed.

    Raises: ConfigurationError for a source that is none, a root that holds no run, or a file that
    exists already.
    """
    if sink.exists():
        raise ConfigurationError(f"{sink} exists; a manifest is not overwritten, name another file")
    opened = open_source(
        source, root=root, uri_column=uri_column, reference_column=reference_column
    )
    rows = opened.listed()
    if since:
        ledgers = [_earlier_run(uri, console) for uri in since]
        rows = leave_out_committed(rows, _committed(ledgers), opened.store)
    summary = write_manifest(probe_rows(opened.store, rows), sink, opened.store.uri)
    describe(summary, opened, sink, console)


def describe(summary: ManifestSummary, source: Source, sink: Path, console: Console) -> None:
    """Say what a manifest holds."""
    lines = [
        f"{sink}: {summary.rows} files of {source.store.uri}",
        f"  {summary.images} images, {summary.megapixels:.1f} megapixels, "
        f"{summary.size_bytes / 1e6:.1f} MB",
    ]
    if summary.unprobed:
        lines.append(f"  {summary.unprobed} could not be looked into yet; the run will try")
    if summary.duplicates:
        lines.append(f"  {summary.duplicates} rows name a file again")
    for name, count in sorted(summary.failed.items()):
        lines.append(f"  {count} are refused: {name}")
    lines.append(f"  digest {summary.digest}")
    console.print("\n".join(lines), markup=False, highlight=False)


def _earlier_run(uri: str, console: Console) -> Ledger:
    """Open the run on a root, and say what it made."""
    ledger = Ledger(open_store(uri))
    run = ledger.run()
    if run is None:
        raise ConfigurationError(f"--since {uri} holds no run: it has no run.json")
    made = ", ".join(
        f"{name} {run.config[name]}" for name in _CONFIGURATION if run.config.get(name) is not None
    )
    console.print(f"since {uri}: run {run.run_id}, {made}", markup=False, highlight=False)
    return ledger


def _committed(ledgers: Sequence[Ledger]) -> Iterator[CommittedImage]:
    for ledger in ledgers:
        rows = ledger.latest_rows(_IDENTITY)
        ok = rows.filter(pc.equal(rows.column("status"), Status.OK.value))
        for batch in ok.select(_IDENTITY[2:]).to_batches():
            for uri_, etag, size, sha256 in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                yield CommittedImage(uri_, etag, size, sha256)
