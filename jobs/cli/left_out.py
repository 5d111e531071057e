"""Lines about the files that --include and --exclude leave out."""

from __future__ import annotations

from collections.abc import Iterator

from sr_core.records import LeftOut


def counted(left_out: LeftOut) -> Iterator[str]:
    """Yield a line for each option that leaves files out."""
    if left_out.excluded:
        yield f"{_files(left_out.excluded)} left out by --exclude"
    if left_out.not_included:
        yield f"{_files(left_out.not_included)} left out, as no --include matches"


def warned(left_out: LeftOut) -> Iterator[str]:
    """Yield a warning for each pattern that matches no file."""
    for pattern in left_out.unmatched:
        yield f"warning: {pattern} matches no file"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
