"""What srfleet makes of files that viewers show: `python -m tests.support.viewers FOLDER...`.

Every file is shown to libvips, ImageMagick and Chromium, as far as they are installed, and decoded
as `srfleet upscale --salvage` does. The table counts the files that a viewer shows by format and
outcome; below it are those that srfleet refuses as damaged. docs/formats.md has the shares.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs import Limits, decode, probe
from tests.support.browser import browser, find_chromium

_LIMITS = Limits(1 << 30, 65_500, 250_000_000, 4_000_000_000)
_MOST_BYTES = 64 << 20
_PATIENCE_S = 20
_SHOWN_AT_ONCE = 50
_ENDINGS = frozenset(
    [
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "tif", "tiff", "webp", "gif", "bmp"),
        *("dib", "avif", "jp2", "j2k", "j2c", "jpc", "jpx", "jxl", "heic", "heif", "hif"),
    ]
)
_LOADED = """(async () => {
    const found = [];
    for (const image of document.images) {
        try { await image.decode(); found.push(image.naturalWidth); } catch { found.push(0); }
    }
    return JSON.stringify(found);
})()"""

_AVERAGES = """
import resource, signal, sys, pyvips
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
for path in sys.stdin.read().split("\\n"):
    signal.alarm(20)  # ends the process
    try:
        pyvips.Image.new_from_file(path, access="sequential").avg()
        print("shown", flush=True)
    except pyvips.Error:
        print("refused", flush=True)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the refused files; return 1 if under 99 % get an output or a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--shown", type=Path, help="JSON file that keeps what viewers show")
    options = parser.parse_args(arguments)
    files = list(files_in(options.folders))
    known = (
        json.loads(options.shown.read_text()) if options.shown and options.shown.exists() else {}
    )
    missing = [path for path in files if str(path) not in known]
    if missing:
        known |= {str(path): names for path, names in shown_by(missing).items()}
    if options.shown:
        options.shown.write_text(json.dumps(known))
    seen = [path for path in files if known[str(path)]]
    outcomes = {path: outcome(path.read_bytes()) for path in seen}
    print_table(outcomes)
    refused = [path for path in seen if outcomes[path][1] == ErrorClass.DECODE]
    for path in refused:
        _say(f"{path} ({', '.join(known[str(path)])}): {outcomes[path][2]}")
    share = 1 - len(refused) / max(1, len(seen))
    _say(f"{len(files)} files, {len(seen)} shown by a viewer, {share:.2%} taken or refused with a")
    _say("reason other than damage")
    return int(share < 0.99)


def files_in(folders: Iterable[Path]) -> Iterable[Path]:
    """Yield the image files of folders, those of equal content once."""
    contents = set()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower().lstrip(".") not in _ENDINGS or not path.is_file():
                continue
            digest = hashlib.sha256(path.read_bytes()).digest()
            if path.stat().st_size <= _MOST_BYTES and digest not in contents:
                contents.add(digest)
                yield path


def shown_by(files: Sequence[Path]) -> dict[Path, list[str]]:
    """Return the names of the viewers that show each file."""
    names: dict[Path, list[str]] = {path: [] for path in files}
    with ThreadPoolExecutor(2) as pool:
        for path, found in zip(files, pool.map(_by_magick, files), strict=True):
            names[path] += ["ImageMagick"] * found
    for path in _by_libvips(files):
        names[path].append("libvips")
    if find_chromium() is not None:
        for path in asyncio.run(_by_chromium(files)):
            names[path].append("Chromium")
    return names


def outcome(data: bytes) -> tuple[str, str, str]:
    """Return the format, the outcome and the message or warnings."""
    try:
        name = probe(data).format
    except ImageError:
        name = "?"
    try:
        found = decode(data, _LIMITS, salvage=True)
    except ImageError as error:
        return name, str(error.error_class), error.message
    odd = any("odd, but whole" in warning for warning in found.warnings)
    kind = "salvaged" if found.decoded_share is not None else "odd" if odd else "whole"
    return name, kind, "; ".join(found.warnings)


def print_table(outcomes: dict[Path, tuple[str, str, str]]) -> None:
    """Print the number of files by format and outcome."""
    counts = Counter((name, kind) for name, kind, _ in outcomes.values())
    kinds = [*dict.fromkeys(["whole", "odd", "salvaged", *sorted({kind for _, kind in counts})])]
    _say(f"| format | {' | '.join(kinds)} |")
    _say(f"| --- |{' --- |' * len(kinds)}")
    for name in sorted({name for name, _ in counts}):
        row = [str(counts[name, kind] or "") for kind in kinds]
        _say(f"| {name} | {' | '.join(row)} |")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _by_libvips(files: Sequence[Path]) -> list[Path]:
    """Return the files that libvips decodes, in a process of its own: some crash it."""
    shown, left = [], list(files)
    while left:
        done = subprocess.run(
            [sys.executable, "-c", _AVERAGES],
            input="\n".join(map(str, left)),
            capture_output=True,
            check=False,
            text=True,
        )
        answers = done.stdout.split()
        shown += [path for path, answer in zip(left, answers, strict=False) if answer == "shown"]
        left = left[len(answers) + 1 :]
    return shown


def _by_magick(path: Path) -> bool:
    program = shutil.which("magick") or shutil.which("convert-im6.q16")
    if program is None:
        return False
    limits = ["-limit", "memory", "1GiB", "-limit", "disk", "1GiB"]
    said = _ran([program, *limits, f"{path}[0]", "-format", "%w ", "info:"])
    return bool(said and said.split()[:1] not in ([], ["0"]))


def _ran(command: list[str]) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_PATIENCE_S, check=False, encoding="latin-1"
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout


async def _by_chromium(files: Sequence[Path]) -> list[Path]:
    """Return the files that Chromium decodes; it wants files with an ending that it knows."""
    found: list[Path] = []
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        async with browser(Path(folder) / "profile") as tab:
            for start in range(0, len(files), _SHOWN_AT_ONCE):
                part = files[start : start + _SHOWN_AT_ONCE]
                images = "".join(f'<img src="{path.resolve().as_uri()}">' for path in part)
                page.write_text(f"<!doctype html><meta charset=utf-8>{images}")
                try:
                    await tab.open(page, 800, 600)
                    said = await tab.call(
                        "Runtime.evaluate",
                        expression=_LOADED,
                        returnByValue=True,
                        awaitPromise=True,
                    )
                except TimeoutError:
                    _say(f"Chromium did not answer for files {start} on")
                    continue
                widths = json.loads(said["result"]["value"])
                found += [path for path, width in zip(part, widths, strict=True) if width]
    return found


if __name__ == "__main__":
    sys.exit(main())
