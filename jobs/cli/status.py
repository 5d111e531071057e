"""srfleet status and srfleet verify: what a root says of its run, from storage alone."""

from __future__ import annotations

from rich.console import Console

from jobs.cli.display import outcome
from jobs.cli.exit_codes import ExitCode
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.errors import ConfigurationError
from sr_core.records import Status


def show_status(root: str, console: Console) -> int:
    """Print where a run stands.

    Returns:
        0 where every image is done, 3 where some failed, 75 where the run is not finished.
    """
    progress = Ledger(open_store(root)).snapshot().progress
    run = progress.run
    lines = [
        f"run {run.run_id}: {run.source_uri}, {run.config['model']}",
        f"{progress.images_done} of {progress.images} images, "
        f"{progress.shards_done} of {progress.shards} shards, "
        f"{progress.megapixels - progress.megapixels_left:.1f} of {progress.megapixels:.1f} MP",
        outcome(progress.statuses, progress.error_classes),
    ]
    if progress.rounds > 1:
        lines.append(f"{progress.rounds} rounds")
    if progress.last_commit_at is not None:
        lines.append(f"last commit {progress.last_commit_at:%Y-%m-%d %H:%M:%S} UTC")
    lines.append("finished" if progress.finished else "not finished")
    console.print("\n".join(lines), markup=False, highlight=False)
    if not progress.finished:
        return ExitCode.TRY_AGAIN
    return ExitCode.FAILED_IMAGES if progress.statuses.get(Status.FAILED) else ExitCode.DONE


def show_verification(root: str, console: Console) -> int:
    """Check every checksum and count of a run again and print what is wrong.

    Returns:
        0 where all is as it should be, 3 otherwise.

    Raises: ConfigurationError where the root holds no run.
    """
    store = open_store(root)
    if Ledger(store).run() is None:
        raise ConfigurationError(f"{store.uri} holds no run: it has no run.json")
    findings = verify_run(store)
    for finding in findings:
        console.print(
            f"{finding.severity}: {finding.subject}: {finding.message}",
            markup=False,
            highlight=False,
        )
    console.print(f"{len(findings)} findings" if findings else "everything is as it should be")
    return ExitCode.FAILED_IMAGES if findings else ExitCode.DONE
