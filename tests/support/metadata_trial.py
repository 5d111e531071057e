"""Trial on files of cameras and programs: python -m tests.support.metadata_trial FOLDER...

Decodes every picture in the folders, writes it in every output format, and compares source and
output as ExifTool reads them. Prints the differences that are neither intended nor named in a
warning, and the number of files and makers. The exit status is 1 if there are any differences.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sr_core.errors import ImageError
from sr_core.imaging.codecs import EXTENSIONS, Limits, decode, encode, losses
from tests.support.metadata_comparison import differences, enlarged, exiftool, is_damaged
from tests.support.metadata_expected import Enlargement
from tests.support.metadata_mark import MARK, without_mark

_LIMITS = Limits(1 << 28, 1 << 16, 60_000_000, 1 << 28)
_AT_ONCE = 40
_QUALITY = 95


@dataclass(slots=True)
class Result:
    """Files compared, and what was found."""

    files: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Files that are not compared, by the class of the error."""
    makers: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    """Unexplained differences, each with its source and output format."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A source whose outputs are written."""

    source: Path
    made: Enlargement
    warnings: dict[str, str]
    """By output format."""


def files(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the files in folders, equal ones once."""
    seen = set[bytes]()
    for folder in folders:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            digest = hashlib.sha256(path.read_bytes()).digest()
            if digest not in seen:
                seen.add(digest)
                yield path


def compare(sources: Sequence[Path], result: Result, *, mark: bool = False) -> None:
    """Write outputs of some files, marked if wanted, and add what differs to the result."""
    with tempfile.TemporaryDirectory() as folder:
        stems = {str(index): source for index, source in enumerate(sources)}
        written = {
            stem: made
            for stem, source in stems.items()
            if (made := _write(source, Path(folder, stem), result, mark=mark)) is not None
        }
        read = exiftool(*sorted(Path(folder).iterdir()))
    for stem, each in written.items():
        before = read[f"{stem}.source"]
        if is_damaged(before):
            result.refused["damaged directory"] += 1
            continue
        result.files += 1
        if "IFD0:Make" in before:
            result.makers[str(before["IFD0:Make"]).strip()] += 1
        for name in EXTENSIONS:
            after = read[f"{stem}.{name}"]
            wrong = []
            if mark:
                after, wrong = without_mark(before, after)
            unexplained = wrong + differences(before, after, each.warnings[name], each.made)
            result.found += [f"{each.source} -> {name}: {text}" for text in unexplained]


def _write(source: Path, stem: Path, result: Result, *, mark: bool) -> _Written | None:
    """Write a copy of a source and an output in each format; return None if it is refused."""
    data = source.read_bytes()
    try:
        decoded = decode(data, _LIMITS)
        picture, made = enlarged(decoded)
        outputs = {
            name: encode(picture, name, _QUALITY, mark=MARK if mark else None)
            for name in EXTENSIONS
        }
    except ImageError as error:
        result.refused[str(error.error_class)] += 1
        return None
    stem.with_suffix(".source").write_bytes(data)
    for name, output in outputs.items():
        stem.with_suffix(f".{name}").write_bytes(output)
    lost = {
        name: " | ".join((*decoded.warnings, *losses(decoded, name, marked=mark)))
        for name in EXTENSIONS
    }
    return _Written(source, made, lost)


def report(result: Result) -> str:
    """Return the differences, one a line, and the number of files by maker."""
    refused = ", ".join(f"{number} {name}" for name, number in result.refused.most_common())
    makers = ", ".join(f"{maker} {number}" for maker, number in result.makers.most_common())
    return "\n".join(
        [
            *result.found,
            f"{result.files} files compared, {len(result.found)} differences",
            f"not compared: {refused}",
            f"{result.makers.total()} files of {len(result.makers)} makers: {makers}\n",
        ]
    )


def main() -> int:
    """Compare all files of the folders, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--mark", action="store_true", help="write outputs with their mark")
    options = parser.parse_args()
    sources = list(files(options.folders))
    result = Result()
    for start in range(0, len(sources), _AT_ONCE):
        compare(sources[start : start + _AT_ONCE], result, mark=options.mark)
        done = min(start + _AT_ONCE, len(sources))
        sys.stderr.write(f"{done} of {len(sources)} files, {len(result.found)} found\n")
    sys.stdout.write(report(result))
    return 1 if result.found else 0


if __name__ == "__main__":
    sys.exit(main())
