"""Files that a command writes for its user; an existing file is never replaced."""

from __future__ import annotations

from pathlib import Path

from sr_core.errors import ConfigurationError


def refuse_existing(path: Path | None, option: str) -> None:
    """Check, before any work, that a file can be written.

    Args:
        path: the file; None if none is asked for.
        option: option that names it.

    Raises: ConfigurationError if it exists, or its folder does not.
    """
    if path is None:
        return
    if path.exists():
        raise ConfigurationError(f"{path} exists already; choose another file for {option}")
    if not path.parent.is_dir():
        raise ConfigurationError(f"{option} {path}: there is no folder {path.parent}")
