"""Measure this machine, and write docs/benchmarks.md: `python -m benchmarks`, or `make bench`.

Each section runs in its own process. A section that fails is reported; the others are written.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.plot import draw
from benchmarks.report import all_samples, generated, write
from benchmarks.section import Section, load_section

DOCUMENT = Path("docs") / "benchmarks.md"
TRIAL = Path("out") / "benchmarks" / "trial.md"
PICTURE = Path("images") / "benchmarks.png"
SECTIONS = ("machine", "engines", "codecs", "measuring", "metrics", "job", "actors", "memory")
# Sections whose result is their printed output.
PRINTED = {"memory": "Memory of an actor"}
# Libraries read these when they load, before a section could set them.
ONE_CORE = ("machine", "engines", "codecs", "measuring", "metrics")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections and write the report; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny inputs, one repeat: a trial")
    parser.add_argument("--memory", action="store_true", help="peak memory too: many minutes")
    parser.add_argument("--output", type=Path, help=f"default {DOCUMENT}; for a trial {TRIAL}")
    options = parser.parse_args(arguments)
    document = options.output or (TRIAL if options.quick else DOCUMENT)
    sections: list[Section] = []
    failures: dict[str, str] = {}
    started = time.monotonic()
    names = [each for each in SECTIONS if each != "memory" or options.memory]
    for number, name in enumerate(names, start=1):
        spent = time.monotonic() - started
        print(f"[{number}/{len(names)}] {name}, after {spent:.0f} s", file=sys.stderr, flush=True)
        try:
            sections.append(run(name, quick=options.quick))
        except subprocess.CalledProcessError as error:
            failures[name] = f"exit status {error.returncode}"
    drawn = draw(all_samples(sections), document.parent / PICTURE)
    text = generated(
        sections,
        failures,
        datetime.now(UTC).date(),
        picture=PICTURE.as_posix() if drawn else None,
    )
    write(document, text)
    spent = time.monotonic() - started
    print(f"wrote {document} after {spent:.0f} s", file=sys.stderr)
    for name, why in failures.items():
        print(f"{name} failed: {why}", file=sys.stderr)
    return 1 if failures else 0


def run(name: str, *, quick: bool) -> Section:
    """Run a section in its own process.

    Raises: subprocess.CalledProcessError if it fails; it has said why on stderr.
    """
    environment = dict(os.environ)
    if name in ONE_CORE:
        environment["OMP_NUM_THREADS"] = "1"
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    if name in PRINTED:
        command += ["--megapixels", "0.1"] if quick else []
        said = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout
        return Section(PRINTED[name], said.decode())
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "section.json"
        command += ["--save", str(saved), *(["--quick"] if quick else [])]
        subprocess.run(command, check=True, env=environment)
        return load_section(saved)


if __name__ == "__main__":
    sys.exit(main())
