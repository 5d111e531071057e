"""The files of a source that a run takes: patterns of the user, and rules for what is skipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from sr_core.archive.ledger.layout import (
    IMAGES_PREFIX,
    METRICS_PREFIX,
    OWN_NAMES,
    RUN_KEY,
    SIGNATURES_PREFIX,
    plan_name,
)
from sr_core.archive.source.manifest import image_id
from sr_core.archive.source.patterns import Pattern, compile_patterns
from sr_core.archive.source.rules import class_of_file, skipped_folder
from sr_core.archive.storage import Store
from sr_core.errors import ConfigurationError, ErrorClass, ImageError
from sr_core.records import LeftOut, ManifestRow, Status

_FOLDERS_OF_RUNS = (IMAGES_PREFIX, METRICS_PREFIX, SIGNATURES_PREFIX)
_DERIVED = ("report.html", "approval.json")
"""Further objects of a run, beside those of OWN_NAMES."""


@dataclass(slots=True)
class Tally:
    """Counts of the files that patterns leave out, and the patterns that matched; while listing."""

    excluded: int = 0
    not_included: int = 0
    matched: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Choice:
    """The patterns of --include and --exclude; without any, all files are taken."""

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, include: Iterable[str], exclude: Iterable[str]) -> Choice:
        """Compile the patterns.

        Raises: ConfigurationError for a pattern that cannot match.
        """
        return cls(
            compile_patterns(tuple(include), "--include"),
            compile_patterns(tuple(exclude), "--exclude"),
        )

    def __bool__(self) -> bool:
        """Return True if there is any pattern."""
        return bool(self.include or self.exclude)

    def takes(self, key: str, tally: Tally) -> bool:
        """Return True if no pattern leaves a key out, and count it otherwise."""
        excluding = [each.text for each in self.exclude if each.matches(key)]
        including = [each.text for each in self.include if each.matches(key)]
        tally.matched.update(excluding, including)
        if excluding:
            tally.excluded += 1
        elif self.include and not including:
            tally.not_included += 1
        else:
            return True
        return False

    def names(self, name: str) -> bool:
        """Return True if --include names a system file or folder of this name."""
        return any(each.names(name) for each in self.include)

    def names_key(self, key: str, name: str) -> bool:
        """Return True if a pattern of --include that matches a key names `name` in it."""
        return any(each.names(name) and each.matches(key) for each in self.include)

    def begins_in(self, folder: str) -> bool:
        """Return True if a pattern of --include begins with the path of a folder."""
        return any(each.begins_in(folder) for each in self.include)

    def left_out(self, tally: Tally) -> LeftOut:
        """Return the outcome of a listing."""
        unmatched = [
            f"{option} {each.text!r}"
            for option, patterns in (("--include", self.include), ("--exclude", self.exclude))
            for each in patterns
            if each.text not in tally.matched
        ]
        return LeftOut(tally.excluded, tally.not_included, tuple(unmatched))


def chosen(rows: Iterable[ManifestRow], choice: Choice, tally: Tally) -> Iterator[ManifestRow]:
    """Leave out rows by patterns."""
    if not choice:
        return iter(rows)
    return (row for row in rows if choice.takes(row.key, tally))


def skip_by_name(rows: Iterable[ManifestRow], choice: Choice) -> Iterator[ManifestRow]:
    """Mark rows that are no photographs by their name or folder as skipped; each stays a row."""
    for row in rows:
        yield row if row.status is not Status.OK else _marked(row, choice)


def skip_folders(
    rows: Iterable[ManifestRow], choice: Choice, store: Store
) -> Iterator[ManifestRow]:
    """Mark what is no photograph in a listing; a folder of such files becomes one row.

    Args:
        rows: rows of all files of a source, in key order.
        choice: patterns; --include may name folders to take.
        store: the source, in which earlier runs are looked for.

    Raises: ConfigurationError if the source itself is the root of a run.
    """
    runs = _EarlierRuns(store, choice)
    rows = iter(rows)
    row = next(rows, None)
    while row is not None:
        folder = _folder_of(row.key, choice) or runs.folder_of(row.key)
        if folder is None:
            kind = runs.kind_of(row.key)
            yield _marked(row, choice) if kind is None else _skipped(row, kind, "of an earlier run")
            row = next(rows, None)
            continue
        key, kind = folder
        files = 0
        while row is not None and row.key.startswith(f"{key}/"):
            files += 1
            row = next(rows, None)
        yield _folder_row(f"{key}/", kind, files)


def _folder_of(key: str, choice: Choice) -> tuple[str, ErrorClass] | None:
    """Find the folder of a key that is skipped whole."""
    found = skipped_folder(key)
    if found is None or found[0] == key or choice.names(found[0].rpartition("/")[2]):
        return None
    return found


def _marked(row: ManifestRow, choice: Choice) -> ManifestRow:
    """Mark a row as skipped if its name or folder says that it is no photograph."""
    found = skipped_folder(row.key)
    if found is not None:
        name, kind = found[0].rpartition("/")[2], found[1]
        reason = f"in the folder {name}" if found[0] != row.key else "by its name"
    else:
        name = row.key.rpartition("/")[2]
        by_name = class_of_file(name)
        if by_name is None:
            return row
        kind, reason = by_name, "by its name"
    return row if choice.names_key(row.key, name) else _skipped(row, kind, reason)


def _skipped(row: ManifestRow, kind: ErrorClass, reason: str) -> ManifestRow:
    return replace(
        row,
        status=Status.SKIPPED,
        error_class=kind,
        error_message=f"no photograph: {kind.replace('_', ' ')} {reason}",
    )


def _folder_row(key: str, kind: ErrorClass, files: int) -> ManifestRow:
    return ManifestRow(
        image_id(key),
        key,
        status=Status.SKIPPED,
        error_class=kind,
        error_message=f"a folder without photographs, skipped with its {files} files",
    )


class _EarlierRuns:
    """The roots of runs inside a source, looked for when a name hints at one."""

    def __init__(self, store: Store, choice: Choice) -> None:
        self._store, self._choice = store, choice
        self._known: dict[str, bool] = {}

    def folder_of(self, key: str) -> tuple[str, ErrorClass] | None:
        """Return images/, metrics/ or signatures/ of the run that a key belongs to."""
        parts = key.split("/")
        for depth, name in enumerate(parts[:-1]):
            root = "/".join(parts[:depth])
            if f"{name}/" in _FOLDERS_OF_RUNS and self._is_run(root):
                return "/".join(parts[: depth + 1]), ErrorClass.EARLIER_RUN
        return None

    def kind_of(self, key: str) -> ErrorClass | None:
        """Return the class of an object directly in the root of a run; None for other keys."""
        root, _, name = key.rpartition("/")
        is_own = name.startswith(OWN_NAMES) or name in _DERIVED
        return ErrorClass.EARLIER_RUN if is_own and self._is_run(root) else None

    def _is_run(self, root: str) -> bool:
        if root not in self._known:
            self._known[root] = self._look(root)
        return self._known[root]

    def _look(self, root: str) -> bool:
        prefix = f"{root}/" if root else ""
        try:
            found = all(self._store.head(prefix + key) for key in (RUN_KEY, plan_name(0)))
        except ImageError:
            return False
        if found and not root:
            raise ConfigurationError(
                f"{self._store.uri} is the root of a run; to upscale its outputs again, give "
                f"{self._store.uri}/{IMAGES_PREFIX.rstrip('/')}"
            )
        return found and not self._choice.begins_in(root)
