"""srfleet status: the progress of a run, from its storage alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import JsonOption, RootArgument
from jobs.cli.terminal import answers
from sr_core.records import Status

if TYPE_CHECKING:
    from sr_core.archive.ledger.snapshot import Progress

EXAMPLES = ("srfleet status ./photos-x4", "srfleet status s3://archive/photos-x4 --json")


def status(root: RootArgument, json: JsonOption = False) -> None:
    """Show the progress of the run in OUT, live or after it stopped.

    Exit codes: 0 done; 3 done, but some images failed; 75 not finished.
    """
    from jobs.cli.answers.status import StatusAnswer
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.archive.storage import open_store

    store = open_store(root)
    progress = Ledger(store).snapshot().progress
    if json:
        answers().data(StatusAnswer.of(progress, store.uri).json_text())
    else:
        for line in _lines(progress):
            answers().say(line)
    raise typer.Exit(_exit_code(progress))


def _lines(progress: Progress) -> list[str]:
    from jobs.cli.display import noun, outcome

    run = progress.run
    lines = [
        f"run {run.run_id}: {run.source_uri}, {run.config['model']}",
        f"{progress.images_done} of {progress.images} {noun(progress.statuses)}, "
        f"{progress.shards_done} of {progress.shards} shards, "
        f"{progress.megapixels - progress.megapixels_left:.1f} of {progress.megapixels:.1f} MP",
        outcome(progress.statuses, progress.error_classes, progress.salvaged),
    ]
    if progress.rounds > 1:
        lines.append(f"{progress.rounds} rounds")
    if progress.last_commit_at is not None:
        lines.append(f"last commit {progress.last_commit_at:%Y-%m-%d %H:%M:%S} UTC")
    return [*lines, "finished" if progress.finished else "not finished"]


def _exit_code(progress: Progress) -> ExitCode:
    if not progress.finished:
        return ExitCode.TRY_AGAIN
    return ExitCode.FAILED_IMAGES if progress.statuses.get(Status.FAILED) else ExitCode.DONE
